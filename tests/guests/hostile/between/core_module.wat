;; Is a core module.
;; expect: bad-component | a core module, not a component

;; @raw
(module (func (export "predict")))
