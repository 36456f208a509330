;; Is larger than the limit for components.
;; expect: component-too-large | more than the limit of 32 MiB
;; bytes: append 33554432

(module
  (@standard)
  (func (@predict) unreachable))
