;; Is cut in the middle.
;; expect: bad-component | malformed
;; bytes: cut 300

(module
  (@standard)
  (func (@predict) unreachable))
