;; Nests components five deep, and no more than that.
;; expect: bad-component | it holds 5 levels of components inside of each other, and may hold 4

(component (component (component (component (component (component))))))
