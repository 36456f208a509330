;; Imports the look-up of host names.
;; expect: bad-import | the component imports wasi:sockets/ip-name-lookup@0.2.3

(component (import "wasi:sockets/ip-name-lookup@0.2.3" (instance)))
