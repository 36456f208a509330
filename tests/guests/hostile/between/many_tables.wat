;; Has ninety tables.
;; expect: trap | 
;; fill: TABLES 90 (table 1 funcref)\n

(module
  (@standard)
  TABLES
  (func (@predict) unreachable))
