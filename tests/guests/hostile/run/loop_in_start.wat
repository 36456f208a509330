;; Loops before it is called.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (func $first (loop $again (br $again)))
  (start $first)
  (func (@predict)
    unreachable))
