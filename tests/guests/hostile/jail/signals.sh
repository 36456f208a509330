# Signals other processes in every possible way.
# expect: exited | kept

exec "$PRISONER" signals
