;; Has one jump with half a million targets.
;; expect: trap | unreachable
;; fill: TARGETS 500000 0 

(module
  (@standard)
  (func (@predict)
    (block $out (br_table TARGETS $out (local.get 0)))
    unreachable))
