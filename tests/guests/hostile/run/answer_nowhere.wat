;; Puts its answer beyond its memory.
;; expect: trap | 

(module
  (@standard)
  (func (@predict)
    (i32.const 4294967288)))
