;; Was built against an earlier version of the contract.
;; expect: bad-import | was built against mmh:harness@1.0.0, but this mmh speaks mmh:harness@2.0.0: build it again from its source

(component (import "mmh:harness/model@1.0.0" (instance)))
