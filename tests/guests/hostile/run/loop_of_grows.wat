;; Asks for more memory over and over after it was refused.
;; expect: timeout | limit of 3 s
;; limit: example_wall_ms 3000
;; limit: fuel 100000000000

(module
  (@standard)
  (func (@predict)
    (loop $again
      (drop (memory.grow (i32.const 60000)))
      (br $again))
    unreachable))
