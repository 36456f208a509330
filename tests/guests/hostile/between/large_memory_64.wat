;; Has a memory with 64-bit addresses and wants all of it.
;; expect: memory-limit | the limit is 64 MiB

(module
  (@standard)
  (memory $other i64 1 281474976710655)
  (func (@predict)
    (drop (memory.grow $other (i64.const 1000000000)))
    unreachable))
