;; Loops for ever while it learns.
;; expect: out-of-fuel | 500,000,000 units of fuel
;; call: learn

(module
  (@memory)
  (func (export "learn") (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)
    (loop $again (br $again))
    unreachable)
  (func (@predict) unreachable))
