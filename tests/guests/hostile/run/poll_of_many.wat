;; Asks ten thousand times at once whether the same moment has come.
;; expect: trap | store handle limit exceeded

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (local $at i32) (local $pollable i32)
    (drop (memory.grow (i32.const 100)))
    (local.set $pollable (call $later (i64.const 1)))
    (loop $again
      (i32.store (i32.add (i32.const 131072) (i32.mul (local.get $at) (i32.const 4))) (local.get $pollable))
      (local.set $at (i32.add (local.get $at) (i32.const 1)))
      (br_if $again (i32.lt_u (local.get $at) (i32.const 10000))))
    (call $poll (i32.const 131072) (i32.const 10000) (i32.const 600))
    unreachable))
