;; Imports an unknown interface.
;; expect: bad-import | the component imports evil:host/backdoor@1.0.0

(component (import "evil:host/backdoor@1.0.0" (instance)))
