;; Has another byte at 150.
;; expect: bad-component | 
;; bytes: flip 150

(module
  (@standard)
  (func (@predict) unreachable))
