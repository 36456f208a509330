;; Has ninety memories, each of which is within the limit.
;; expect: trap | 
;; fill: MEMORIES 90 (memory 1)\n

(module
  (@standard)
  MEMORIES
  (func (@predict) unreachable))
