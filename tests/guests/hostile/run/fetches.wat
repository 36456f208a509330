;; Makes the headers of a request to a server.
;; expect: trap | wasi:http/types@0.2.3#[constructor]fields was called, but a harness has no files

(module
  (import "wasi:http/types@0.2.3" "[constructor]fields" (func $fields (result i32)))
  (@standard)
  (data (i32.const 1088) "nothing")
  (func (@predict)
    (drop (call $fields))
    (i32.store (i32.const 1028) (i32.const 1088))
    (i32.store (i32.const 1032) (i32.const 7))
    (i32.const 1024)))
