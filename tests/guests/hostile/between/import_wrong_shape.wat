;; Imports an allowed name with a function that does not exist.
;; expect: bad-component | not a harness

(component
  (import "wasi:cli/environment@0.2.3" (instance
    (export "set-environment" (func (param "name" string))))))
