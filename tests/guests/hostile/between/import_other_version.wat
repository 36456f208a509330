;; Speaks another major line of the harness package.
;; expect: bad-import | but this host speaks mmh:harness@1.0.0

(component (import "mmh:harness/model@2.0.0" (instance)))
