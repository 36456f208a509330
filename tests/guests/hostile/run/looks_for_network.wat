;; Makes a socket and looks up a name.
;; expect: ok | nothing

(module
  (import "wasi:sockets/instance-network@0.2.3" "instance-network" (func $network (result i32)))
  (import "wasi:sockets/ip-name-lookup@0.2.3" "resolve-addresses" (func $resolve (param i32 i32 i32 i32)))
  (import "wasi:sockets/tcp-create-socket@0.2.3" "create-tcp-socket" (func $create (param i32 i32)))
  (@standard)
  (data (i32.const 1088) "nothing")
  (func (@predict)
    (call $resolve (call $network) (i32.const 1088) (i32.const 7) (i32.const 1100))
    (if (i32.eqz (i32.load8_u (i32.const 1100))) (then unreachable))
    (call $create (i32.const 0) (i32.const 1100))
    (if (i32.eqz (i32.load8_u (i32.const 1100))) (then unreachable))
    (i32.store (i32.const 1028) (i32.const 1088))
    (i32.store (i32.const 1032) (i32.const 7))
    (i32.const 1024)))
