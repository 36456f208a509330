;; Has another byte at 40.
;; expect: bad-component | 
;; bytes: flip 40

(module
  (@standard)
  (func (@predict) unreachable))
