;; Starts with other bytes.
;; expect: bad-component | malformed
;; bytes: flip 0

(module
  (@standard)
  (func (@predict) unreachable))
