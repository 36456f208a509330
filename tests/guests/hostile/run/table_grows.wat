;; Takes table entries until none are left.
;; expect: trap | unreachable

(module
  (@standard)
  (table 1 funcref)
  (func (@predict)
    (loop $again
      (br_if $again (i32.ne (table.grow (ref.null func) (i32.const 10000)) (i32.const -1))))
    unreachable))
