;; Sleeps for a century, and goes on at once.
;; expect: trap | unreachable

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))
  (@standard)
  (func (@predict)
    (call $block (call $later (i64.const 3155760000000000000)))
    unreachable))
