;; Exports a predict that takes other arguments.
;; expect: bad-component | learn

(component
  (core module $m (func (export "f") (result i32) i32.const 0))
  (core instance $i (instantiate $m))
  (func $f (result u32) (canon lift (core func $i "f")))
  (export "predict" (func $f))
  (export "learn" (func $f)))
