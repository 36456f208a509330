;; Nests components eighty deep.
;; expect: bad-component | it holds another component
;; fill: OPEN 80 (component
;; fill: CLOSE 80 )

(component OPEN CLOSE)
