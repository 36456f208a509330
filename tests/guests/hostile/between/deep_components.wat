;; Nests components four hundred deep.
;; expect: bad-component | it holds another component
;; fill: OPEN 400 (component
;; fill: CLOSE 400 )

(component OPEN CLOSE)
