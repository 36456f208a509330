;; Asks for the log with a type that nests a thousand deep, within what a validator lets pass.
;; expect: bad-component | 
;; fill: OPTIONS 900 (type (option NUMBER))\n

(component
  (type u8)
  OPTIONS
  (type (func (param "deep" 900)))
  (import "mmh:harness/log@2.0.0" (instance (export "write" (func (type 901))))))
