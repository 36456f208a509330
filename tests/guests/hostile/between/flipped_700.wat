;; Has another byte at 700.
;; expect: bad-component | 
;; bytes: flip 700

(module
  (@standard)
  (func (@predict) unreachable))
