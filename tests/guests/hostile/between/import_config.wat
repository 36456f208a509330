;; Imports settings, which no language's runtime needs.
;; expect: bad-import | the component imports wasi:config/store@0.2.0

(component (import "wasi:config/store@0.2.0" (instance)))
