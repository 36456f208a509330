;; Is empty.
;; expect: bad-component | malformed
;; bytes: cut 1000000

(module
  (@standard)
  (func (@predict) unreachable))
