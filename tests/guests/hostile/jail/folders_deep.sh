# Nests folders so deep that they have no path.
# expect: over-limit | Depth

"$PRISONER" folders-deep; sleep 60
