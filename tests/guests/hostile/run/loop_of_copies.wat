;; Copies 24 MiB over and over, one instruction each time.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (func (@predict)
    (drop (memory.grow (i32.const 800)))
    (loop $again
      (memory.copy (i32.const 0) (i32.const 25165824) (i32.const 25165824))
      (br $again))
    unreachable))
