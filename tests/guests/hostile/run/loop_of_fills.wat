;; Fills 48 MiB over and over, one instruction each time.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (func (@predict)
    (drop (memory.grow (i32.const 800)))
    (loop $again
      (memory.fill (i32.const 0) (i32.const 7) (i32.const 50331648))
      (br $again))
    unreachable))
