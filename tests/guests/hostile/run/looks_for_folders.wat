;; Looks for a folder that is open already, as a language's runtime does.
;; expect: ok | nothing

(module
  (import "wasi:filesystem/preopens@0.2.3" "get-directories" (func $folders (param i32)))
  (@standard)
  (data (i32.const 1088) "nothing")
  (func (@predict)
    (call $folders (i32.const 1100))
    (if (i32.load (i32.const 1104)) (then unreachable))
    (i32.store (i32.const 1028) (i32.const 1088))
    (i32.store (i32.const 1032) (i32.const 7))
    (i32.const 1024)))
