;; Imports another generation of WASI.
;; expect: bad-import | the component imports wasi:cli/stdout@0.3.0

(component (import "wasi:cli/stdout@0.3.0" (instance)))
