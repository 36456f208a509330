;; Has a hundred instances of a module, within few components.
;; expect: trap | instance count too high
;; fill: INSTANCES 100 (core instance (instantiate $one))\n

(component
  (@types)
  (component $inner
    (core module $one (func (export "run")))
    INSTANCES
    (core instance $last (instantiate $one))
    (func (export "call") (canon lift (core func $last "run"))))
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
