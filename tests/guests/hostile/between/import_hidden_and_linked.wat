;; Hides an import in a component inside, and links it to another.
;; expect: bad-component | not a harness

(component
  (component $inner (import "wasi:sockets/tcp@0.2.3" (instance)))
  (import "mmh:harness/log@2.0.0" (instance $log))
  (instance (instantiate $inner (with "wasi:sockets/tcp@0.2.3" (instance $log)))))
