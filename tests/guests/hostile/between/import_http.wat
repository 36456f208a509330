;; Imports an HTTP client.
;; expect: bad-component | not a harness

(component (import "wasi:http/outgoing-handler@0.2.3" (instance)))
