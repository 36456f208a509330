;; Imports the model without a version.
;; expect: bad-import | mmh:harness/model

(component (import "mmh:harness/model" (instance)))
