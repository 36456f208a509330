;; Fails with bytes that are not text.
;; expect: trap | utf-8

(module
  (@standard)
  (func (@predict)
    (i32.store (i32.const 1024) (i32.const 1))
    (i32.store (i32.const 1028) (i32.const 2048))
    (i32.store (i32.const 1032) (i32.const 4))
    (i32.store (i32.const 2048) (i32.const 0xffffffff))
    (i32.const 1024)))
