# Slows other processes down.
# expect: exited | kept

exec "$PRISONER" priorities
