# Lowers the limits of other processes, and raises its own.
# expect: exited | kept

exec "$PRISONER" limits-of-others
