;; Calls a missing function through a table.
;; expect: trap | 

(module
  (@standard)
  (table 10 funcref)
  (func (@predict)
    (call_indirect (result i32) (i32.const 3))))
