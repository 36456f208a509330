;; Imports a key-value store.
;; expect: bad-import | the component imports wasi:keyvalue/store@0.2.0

(component (import "wasi:keyvalue/store@0.2.0" (instance)))
