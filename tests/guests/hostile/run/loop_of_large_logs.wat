;; Hands the log 5 MiB over and over.
;; expect: timeout | limit of 3 s
;; limit: example_wall_ms 3000
;; limit: fuel 100000000000

(module
  (import "mmh:harness/log@2.0.0" "write" (func $write (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (drop (memory.grow (i32.const 800)))
    (loop $again
      (call $write (i32.const 0) (i32.const 0) (i32.const 5000000))
      (br $again))
    unreachable))
