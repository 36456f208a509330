# Signals other processes, in every way there is.
# expect: exited | kept

exec "$PRISONER" signals
