;; Imports datagrams.
;; expect: bad-import | the component imports wasi:sockets/udp-create-socket@0.2.3

(component (import "wasi:sockets/udp-create-socket@0.2.3" (instance)))
