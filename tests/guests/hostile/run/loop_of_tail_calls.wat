;; Calls itself in its last step, for ever.
;; expect: out-of-fuel | 500,000,000 units of fuel

(module
  (@standard)
  (func $again (result i32) (return_call $again))
  (func (@predict)
    (return_call $again)))
