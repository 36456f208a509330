;; Lacks its last byte.
;; expect: bad-component | malformed
;; bytes: cut 1

(module
  (@standard)
  (func (@predict) unreachable))
