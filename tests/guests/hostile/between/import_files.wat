;; Imports the file system.
;; expect: bad-component | not a harness

(component (import "wasi:filesystem/types@0.2.3" (instance)))
