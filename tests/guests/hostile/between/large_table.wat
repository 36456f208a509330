;; Starts with a table of a hundred million entries.
;; expect: trap | table

(module
  (@standard)
  (table 100000000 funcref)
  (func (@predict) unreachable))
