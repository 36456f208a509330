;; Reads beyond its memory.
;; expect: trap | out of bounds

(module
  (@standard)
  (func (@predict)
    (i32.load (i32.const 4294967292))))
