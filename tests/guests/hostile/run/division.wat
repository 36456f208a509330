;; Divides by zero.
;; expect: trap | divide by zero

(module
  (@standard)
  (func (@predict)
    (i32.div_u (i32.const 1) (i32.const 0))))
