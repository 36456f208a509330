;; Measures real time by how often a pollable of 20 ms is not ready yet.
;; expect: ok | 20000 20000
;; examples: 2

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:io/poll@0.2.3" "[method]pollable.ready" (func $ready (param i32) (result i32)))
  (@standard)
  ;; The answer: ok, with a number as the label.
  (func $answer (param $number i32) (result i32)
    (local $at i32)
    (local.set $at (i32.const 3000))
    (loop $digit
      (local.set $at (i32.sub (local.get $at) (i32.const 1)))
      (i32.store8 (local.get $at) (i32.add (i32.const 48) (i32.rem_u (local.get $number) (i32.const 10))))
      (br_if $digit (local.tee $number (i32.div_u (local.get $number) (i32.const 10)))))
    (i32.store8 (i32.const 4000) (i32.const 0))
    (i32.store (i32.const 4004) (local.get $at))
    (i32.store (i32.const 4008) (i32.sub (i32.const 3000) (local.get $at)))
    (i32.const 4000))
  (func (@predict)
    (local $pollable i32) (local $looks i32)
    (local.set $pollable (call $later (i64.const 20000000)))
    (loop $again
      (local.set $looks (i32.add (local.get $looks) (i32.const 1)))
      (br_if $again (i32.eqz (call $ready (local.get $pollable)))))
    (call $answer (local.get $looks))))
