;; Gives the host room beyond its memory.
;; expect: trap | 

(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 4294963200))
  (@learn)
  (func (@predict) unreachable))
