# Leaves a process behind.
# expect: exited | started

(sleep 600 &) ; (sleep 600 > /dev/null 2>&1 < /dev/null &); echo started
