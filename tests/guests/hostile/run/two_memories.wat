;; Takes memory in two memories, each of which stays within the limit.
;; expect: memory-limit | the limit is 64 MiB

(module
  (@standard)
  (memory $second 1)
  (func (@predict)
    (drop (memory.grow (i32.const 700)))
    (if (i32.eq (memory.grow $second (i32.const 700)) (i32.const -1)) (then unreachable))
    (i32.const 1024)))
