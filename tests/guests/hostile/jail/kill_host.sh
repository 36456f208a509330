# Kills the processes that started it.
# expect: exited | kept

kill -9 $PPID 2>/dev/null; kill -9 -1 2>/dev/null; echo kept
