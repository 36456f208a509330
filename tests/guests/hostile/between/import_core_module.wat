;; Imports a core module.
;; expect: bad-import | the component imports backdoor

(component (import "backdoor" (core module)))
