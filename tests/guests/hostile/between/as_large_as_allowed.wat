;; Fills its 32 MiB with data.
;; expect: trap | unreachable
;; fill: DATA 33450000 x

(module
  (memory (export "memory") 600)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (@learn)
  (data (i32.const 65536) "DATA")
  (func (@predict) unreachable))
