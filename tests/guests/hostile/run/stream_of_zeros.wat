;; Lets the host write an exabyte of zeros.
;; expect: trap | cannot write more zeroes

(module
  (import "wasi:cli/stdout@0.2.3" "get-stdout" (func $stdout (result i32)))
  (import "wasi:io/streams@0.2.3" "[method]output-stream.write-zeroes" (func $write (param i32 i64 i32)))
  (@standard)
  (func (@predict)
    (call $write (call $stdout) (i64.const 1152921504606846976) (i32.const 600))
    unreachable))
