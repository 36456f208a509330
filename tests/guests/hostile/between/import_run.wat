;; Imports the running of a whole command.
;; expect: bad-import | the component imports wasi:cli/run@0.2.3

(component (import "wasi:cli/run@0.2.3" (instance)))
