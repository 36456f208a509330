;; Hands a long text to a component inside, over and over. The host copies it, which costs no fuel.
;; expect: timeout | limit of

(component
  (@types)
  (component $inner
    (core module $taker
      (memory (export "memory") 330)
      (func (export "realloc") (param i32 i32 i32 i32) (result i32) (i32.const 65536))
      (func (export "take") (param i32 i32)))
    (core instance $taker (instantiate $taker))
    (alias core export $taker "memory" (core memory $bytes))
    (alias core export $taker "realloc" (core func $realloc))
    (func (export "call") (param "text" string)
      (canon lift (core func $taker "take") (memory $bytes) (realloc $realloc))))
  (component $harness
    (@types)
    (import "call" (func $call (param "text" string)))
    (@allocator)
    (core func $outer (canon lower (func $call) (memory $bytes) (realloc $realloc)))
    (core module $code
      (import "memory" "memory" (memory 1))
      (import "inner" "call" (func $call (param i32 i32)))
      (func (export "predict")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (drop (memory.grow (i32.const 330)))
        (loop $again
          (call $call (i32.const 65536) (i32.const 20000000))
          (br $again))
        (i32.const 512))
      (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512)))
    (core instance $code (instantiate $code
      (with "memory" (instance $memory))
      (with "inner" (instance (export "call" (func $outer))))))

    (@lifted))
  (instance $inner (instantiate $inner))
  (@wired (with "call" (func $inner "call"))@))
