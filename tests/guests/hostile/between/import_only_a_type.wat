;; Imports a resource type that the host does not have.
;; expect: bad-component | not a harness

(component (import "thing" (type (sub resource))))
