;; Imports the file system.
;; expect: bad-import | the component imports wasi:filesystem/types@0.2.3

(component (import "wasi:filesystem/types@0.2.3" (instance)))
