;; Hands the log bytes that are not text.
;; expect: trap | utf-8

(module
  (import "mmh:harness/log@2.0.0" "write" (func $write (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (i32.store8 (i32.const 100) (i32.const 255))
    (call $write (i32.const 0) (i32.const 100) (i32.const 1))
    unreachable))
