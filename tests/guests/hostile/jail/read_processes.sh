# Reads the environment of the processes that started it.
# expect: exited | Permission denied

cat /proc/$PPID/environ /proc/1/environ
