;; Sleeps for a century.
;; expect: timeout | limit of 2 s
;; limit: example_wall_ms 2000

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "[method]pollable.block" (func $block (param i32)))
  (import "wasi:io/poll@0.2.3" "[resource-drop]pollable" (func $drop (param i32)))
  (@standard)
  (func (@predict)
    (call $block (call $later (i64.const 3155760000000000000)))
    unreachable))
