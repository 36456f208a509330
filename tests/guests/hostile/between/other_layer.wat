;; Says that it is of another layer.
;; expect: bad-component | malformed
;; bytes: flip 6

(module
  (@standard)
  (func (@predict) unreachable))
