# Traces, reads and changes other processes, and itself.
# expect: exited | kept

exec "$PRISONER" other-processes
