;; Calls itself without end.
;; expect: stack-overflow | deeper than 1 MiB

(module
  (@standard)
  (func $deep (param i32) (result i32)
    (i32.add (i32.const 1) (call $deep (i32.add (local.get 0) (i32.const 1)))))
  (func (@predict)
    (call $deep (i32.const 1))))
