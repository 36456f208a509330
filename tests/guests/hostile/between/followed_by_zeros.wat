;; Is followed by zeros.
;; expect: bad-component | 
;; bytes: append 4096

(module
  (@standard)
  (func (@predict) unreachable))
