;; Has fifty thousand functions.
;; expect: trap | unreachable
;; limit: native_wall_ms 30000
;; fill: FUNCTIONS 50000 (func (param i32) (result i32) (i32.add (local.get 0) (i32.const NUMBER)))\n

(module
  (@standard)
  FUNCTIONS
  (func (@predict) unreachable))
