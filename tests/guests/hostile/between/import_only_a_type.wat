;; Imports a resource type that nobody has.
;; expect: bad-component | not a harness

(component (import "thing" (type (sub resource))))
