;; Nests a list in a list, eighty thousand deep, and exports a function of it.
;; expect: bad-component | 
;; fill: LISTS 80000 (type (list NUMBER))\n

(component
  (type u8)
  LISTS
  (type (func (param "deep" 80000)))
  (import "mmh:harness/log@2.0.0" (instance (export "write" (func (type 80001))))))
