;; Takes memory in two components inside, each of which stays within the limit.
;; expect: memory-limit | the limit is 64 MiB

(component
  (@types)
  (component $inner
    (core module $taker
      (memory 1)
      (func (export "take") (if (i32.eq (memory.grow (i32.const 600)) (i32.const -1)) (then unreachable))))
    (core instance $taker (instantiate $taker))
    (func (export "call") (canon lift (core func $taker "take"))))
  (component $harness
    (@types)
    (import "call" (func $call))
    (import "other" (func $other))
    (@allocator)
    (core func $outer (canon lower (func $call)))
    (core func $outer-other (canon lower (func $other)))
    (core module $code
      (import "memory" "memory" (memory 1))
      (import "inner" "call" (func $call))
      (import "inner" "other" (func $other))
      (func (export "predict")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (call $call)
        (call $other)
        (i32.const 512))
      (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512)))
    (core instance $code (instantiate $code
      (with "memory" (instance $memory))
      (with "inner" (instance (export "call" (func $outer)) (export "other" (func $outer-other))))))

    (@lifted))
  (instance $inner (instantiate $inner))
  (instance $second (instantiate $inner))
  (@wired (with "call" (func $inner "call")) (with "other" (func $second "call"))@))
