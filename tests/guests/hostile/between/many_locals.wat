;; Has functions with as many locals as there may be.
;; expect: trap | unreachable
;; fill: FUNCTIONS 20 (func LOCALS)\n
;; fill: LOCALS 40000 (local i64)

(module
  (@standard)
  FUNCTIONS
  (func (@predict) unreachable))
