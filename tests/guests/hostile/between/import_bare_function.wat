;; Imports a bare function of the host.
;; expect: bad-import | the component imports exec

(component (import "exec" (func (param "line" string))))
