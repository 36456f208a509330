;; Hands the log a level that does not exist.
;; expect: trap | 

(module
  (import "mmh:harness/log@2.0.0" "write" (func $write (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (call $write (i32.const 77) (i32.const 100) (i32.const 1))
    unreachable))
