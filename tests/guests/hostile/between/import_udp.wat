;; Imports datagrams.
;; expect: bad-component | not a harness

(component (import "wasi:sockets/udp-create-socket@0.2.3" (instance)))
