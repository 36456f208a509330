;; Shares its memory with threads.
;; expect: bad-component | 

(module
  (@standard)
  (memory $shared 1 2 shared)
  (func (@predict) unreachable))
