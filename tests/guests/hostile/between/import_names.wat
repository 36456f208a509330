;; Imports the look-up of host names.
;; expect: bad-component | not a harness

(component (import "wasi:sockets/ip-name-lookup@0.2.3" (instance)))
