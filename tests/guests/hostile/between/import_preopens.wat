;; Imports the folders that are open already.
;; expect: bad-import | the component imports wasi:filesystem/preopens@0.2.3

(component (import "wasi:filesystem/preopens@0.2.3" (instance)))
