;; Nests so many ifs that the native compiler is busy for minutes.
;; expect: native-timeout | stopped at its limit of 4 s
;; limit: native_wall_ms 4000
;; fill: OPEN 30000 (if (local.get $x) (then (local.set $y (i32.add (local.get $y) (i32.const NUMBER)))\n
;; fill: CLOSE 30000 ) (else (local.set $x (i32.add (local.get $y) (i32.const 1)))))\n

(module
  (@standard)
  (func (@predict)
    (local $x i32) (local $y i32)
    OPEN CLOSE
    (local.get $x)))
