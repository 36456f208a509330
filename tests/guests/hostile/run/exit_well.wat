;; Ends its process as if all were well.
;; expect: exit | code 0

(module
  (import "wasi:cli/exit@0.2.3" "exit" (func $exit (param i32)))
  (@standard)
  (func (@predict)
    (call $exit (i32.const 0))
    unreachable))
