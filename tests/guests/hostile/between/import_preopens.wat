;; Imports the folders that are open already.
;; expect: bad-component | not a harness

(component (import "wasi:filesystem/preopens@0.2.3" (instance)))
