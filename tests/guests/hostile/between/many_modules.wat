;; Holds a hundred core modules.
;; expect: bad-component | it holds 100 core modules, and may hold 64
;; fill: MODULES 100 (core module)\n

(component
  MODULES)
