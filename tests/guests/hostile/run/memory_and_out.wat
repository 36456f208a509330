;; Takes all memory, then gives up.
;; expect: memory-limit | the limit is 64 MiB

(module
  (@standard)
  (func (@predict)
    (loop $again
      (br_if $again (i32.ne (memory.grow (i32.const 16)) (i32.const -1))))
    unreachable))
