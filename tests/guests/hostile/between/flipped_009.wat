;; Has another byte at 9.
;; expect: bad-component | 
;; bytes: flip 9

(module
  (@standard)
  (func (@predict) unreachable))
