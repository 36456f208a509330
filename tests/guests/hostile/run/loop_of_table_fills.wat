;; Fills a table of a million entries over and over.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (table 900000 funcref)
  (func (@predict)
    (loop $again
      (table.fill (i32.const 0) (ref.null func) (i32.const 900000))
      (br $again))
    unreachable))
