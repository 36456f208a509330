;; Asks for a terabyte of randomness.
;; expect: trap | requested len 1099511627776 exceeds limit 4096

(module
  (import "wasi:random/random@0.2.3" "get-random-bytes" (func $random (param i64 i32)))
  (@standard)
  (func (@predict)
    (call $random (i64.const 1099511627776) (i32.const 512))
    unreachable))
