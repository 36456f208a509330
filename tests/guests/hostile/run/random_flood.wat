;; Asks for 4 KiB of randomness over and over.
;; expect: timeout | limit of 3 s
;; limit: example_wall_ms 3000
;; limit: fuel 100000000000

(module
  (import "wasi:random/random@0.2.3" "get-random-bytes" (func $random (param i64 i32)))
  (@standard)
  (func (@predict)
    (loop $again
      (global.set $free (i32.const 65536))
      (call $random (i64.const 4096) (i32.const 512))
      (br $again))
    unreachable))
