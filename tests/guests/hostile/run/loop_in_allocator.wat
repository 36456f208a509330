;; Loops when the host asks it for room.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (memory (export "memory") 1)
  (func (export "cabi_realloc") (param i32 i32 i32 i32) (result i32)
    (loop $again (br $again))
    unreachable)
  (@learn)
  (func (@predict) unreachable))
