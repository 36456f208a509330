;; Was built against a later version of the contract.
;; expect: bad-import | but this mmh speaks mmh:harness@2.0.0: use an mmh that speaks mmh:harness@3, or build it again

(component (import "mmh:harness/types@3.1.0" (instance)))
