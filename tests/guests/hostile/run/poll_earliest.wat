;; Waits for a year, an hour and a day at once. The hour comes first, at the same time in every run.
;; expect: ok | 13600 13600
;; examples: 2

(module
  (import "wasi:clocks/monotonic-clock@0.2.3" "subscribe-duration" (func $later (param i64) (result i32)))
  (import "wasi:clocks/monotonic-clock@0.2.3" "now" (func $now (result i64)))
  (import "wasi:io/poll@0.2.3" "poll" (func $poll (param i32 i32 i32)))
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
    (i32.store (i32.const 512) (call $later (i64.const 31536000000000000)))
    (i32.store (i32.const 516) (call $later (i64.const 3600000000000)))
    (i32.store (i32.const 520) (call $later (i64.const 86400000000000)))
    (call $poll (i32.const 512) (i32.const 3) (i32.const 600))
    ;; One is ready; which, times 10,000; and the seconds.
    (if (i32.ne (i32.load (i32.const 604)) (i32.const 1)) (then unreachable))
    (call $answer (i32.add
      (i32.mul (i32.load (i32.load (i32.const 600))) (i32.const 10000))
      (i32.wrap_i64 (i64.div_u (call $now) (i64.const 1000000000)))))))
