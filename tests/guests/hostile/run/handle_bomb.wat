;; Opens handles and closes none.
;; expect: trap | 

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))
  (@standard)
  (func (@predict)
    (loop $again
      (drop (call $later (i64.const 1)))
      (br $again))
    unreachable))
