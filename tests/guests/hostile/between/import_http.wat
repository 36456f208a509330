;; Imports an HTTP client.
;; expect: bad-import | the component imports wasi:http/outgoing-handler@0.2.3

(component (import "wasi:http/outgoing-handler@0.2.3" (instance)))
