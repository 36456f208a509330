# Takes other processes their limits, and raises its own.
# expect: exited | kept

exec "$PRISONER" limits-of-others
