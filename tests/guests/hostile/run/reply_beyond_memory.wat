;; Wants the model's reply beyond its memory.
;; expect: trap | 

(module
  (import "mmh:harness/model@2.0.0" "complete-all" (func $ask (param i32 i32 i32)))
  (@standard)
  (func (@predict)
    (call $ask (i32.const 0) (i32.const 0) (i32.const 4294967292))
    unreachable))
