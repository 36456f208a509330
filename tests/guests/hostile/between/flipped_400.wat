;; Has another byte at 400.
;; expect: bad-component | 
;; bytes: flip 400

(module
  (@standard)
  (func (@predict) unreachable))
