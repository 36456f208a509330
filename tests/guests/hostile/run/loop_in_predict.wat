;; Loops for ever.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (func (@predict)
    (loop $again (br $again))
    unreachable))
