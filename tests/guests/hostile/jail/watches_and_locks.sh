# Watches and locks files that others use.
# expect: exited | kept

exec "$PRISONER" watches-and-locks
