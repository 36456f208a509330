;; Has a function with more locals than there may be.
;; expect: bad-component | 
;; fill: LOCALS 60000 (local i64)

(module
  (@standard)
  (func LOCALS)
  (func (@predict) unreachable))
