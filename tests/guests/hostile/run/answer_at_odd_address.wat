;; Puts its answer at an address that is not aligned.
;; expect: trap | 

(module
  (@standard)
  (func (@predict)
    (i32.const 1025)))
