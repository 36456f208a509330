;; Imports the model without a version.
;; expect: bad-import | was built against mmh:harness without a version

(component (import "mmh:harness/model" (instance)))
