;; Imports sockets.
;; expect: bad-component | not a harness

(component (import "wasi:sockets/tcp@0.2.3" (instance)))
