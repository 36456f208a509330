;; Is larger than the limit for components.
;; expect: component-too-large | more than the limit of 16 MiB
;; bytes: append 16777216

(module
  (@standard)
  (func (@predict) unreachable))
