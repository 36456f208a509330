;; Runs for ever in a component inside.
;; expect: out-of-fuel | units of fuel

(component
  (@types)
  (component $inner
    (core module $runner (func (export "run") (loop $again (br $again))))
    (core instance $runner (instantiate $runner))
    (func (export "call") (canon lift (core func $runner "run"))))
  (component $harness
    (@types)
    (import "call" (func $call))
    (@allocator)
    (core func $outer (canon lower (func $call)))
    (core module $code
      (import "memory" "memory" (memory 1))
      (import "inner" "call" (func $call ))
      (func (export "predict")
        (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
        (call $call)
        (i32.const 512))
      (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32) (i32.const 512)))
    (core instance $code (instantiate $code
      (with "memory" (instance $memory))
      (with "inner" (instance (export "call" (func $outer))))))

    (@lifted))
  (instance $inner (instantiate $inner))
  (@wired (with "call" (func $inner "call"))@))
