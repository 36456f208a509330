;; Starts with four gigabytes of memory.
;; expect: memory-limit | the limit is 64 MiB

(module
  (memory (export "memory") 65536)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32) (i32.const 0))
  (@learn)
  (func (@predict) (i32.const 0)))
