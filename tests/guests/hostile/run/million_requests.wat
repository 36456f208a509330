;; Asks the model a million questions at once.
;; expect: output-limit | more was handed to the host in one call

(module
  (import "mmh:harness/model@2.0.0" "complete-all" (func $ask (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (drop (memory.grow (i32.const 900)))
    (call $ask (i32.const 0) (i32.const 1000000) (i32.const 512))
    unreachable))
