# Makes namespaces of its own to get round its bounds.
# expect: exited | kept

unshare -Ur true 2>/dev/null || unshare -m true 2>/dev/null || echo kept
