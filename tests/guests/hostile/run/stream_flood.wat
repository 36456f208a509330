;; Writes 5 MiB to its output over and over, which takes much time and little fuel.
;; expect: timeout | limit of 3 s
;; limit: example_wall_ms 3000
;; limit: fuel 100000000000

(module
  (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.3" "[method]output-stream.write" (func $write (param i32 i32 i32 i32)))
  (@standard)
  (func (@predict)
    (local $stream i32)
    (drop (memory.grow (i32.const 800)))
    (local.set $stream (call $stdout))
    (loop $again
      (call $write (local.get $stream) (i32.const 0) (i32.const 5000000) (i32.const 600))
      (br $again))
    unreachable))
