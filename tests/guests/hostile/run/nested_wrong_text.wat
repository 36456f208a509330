;; Gets bytes from a component inside that it says are a text.
;; expect: trap |

(component
  (@types)
  (component $inner
    (core module $teller
      (memory (export "memory") 1)
      (data (i32.const 16) "\ff\fe")
      (func (export "tell") (result i32)
        (i32.store (i32.const 0) (i32.const 16))
        (i32.store (i32.const 4) (i32.const 2))
        (i32.const 0)))
    (core instance $teller (instantiate $teller))
    (alias core export $teller "memory" (core memory $bytes))
    (func (export "call") (result string) (canon lift (core func $teller "tell") (memory $bytes))))
  (component $harness
    (@types)
    (import "call" (func $call (result string)))
    (@allocator)
    (core func $outer (canon lower (func $call) (memory $bytes) (realloc $realloc)))
    (core module $code
      (import "memory" "memory" (memory 1))
      (import "inner" "call" (func $call (param i32)))
      (func (export "predict")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (call $call (i32.const 64))
        (i32.const 512))
      (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512)))
    (core instance $code (instantiate $code
      (with "memory" (instance $memory))
      (with "inner" (instance (export "call" (func $outer))))))

    (@lifted))
  (instance $inner (instantiate $inner))
  (@wired (with "call" (func $inner "call"))@))
