;; Nests components eighty deep.
;; expect: bad-component | it holds 80 components, and may hold 32
;; fill: OPEN 80 (component
;; fill: CLOSE 80 )

(component OPEN CLOSE)
