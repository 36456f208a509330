;; Imports sockets.
;; expect: bad-import | the component imports wasi:sockets/tcp@0.2.3

(component (import "wasi:sockets/tcp@0.2.3" (instance)))
