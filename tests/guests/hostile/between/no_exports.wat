;; Is a component without anything in it.
;; expect: bad-component | no export

(component)
