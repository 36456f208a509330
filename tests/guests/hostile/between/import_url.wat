;; Imports by address.
;; expect: bad-import | the component imports unlocked-dep=<a:b@{>=0.0.0}>

(component (import "unlocked-dep=<a:b@{>=0.0.0}>" (instance)))
