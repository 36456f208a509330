;; Waits for an empty list of events, which never ends.
;; expect: trap | 0 pollables are polled

(module
  (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (call $poll (i32.const 512) (i32.const 0) (i32.const 600))
    unreachable))
