;; Hands the log four gigabytes.
;; expect: trap | 

(module
  (import "mmh:harness/log@2.0.0" "write" (func $write (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (call $write (i32.const 0) (i32.const 0) (i32.const 4294967295))
    unreachable))
