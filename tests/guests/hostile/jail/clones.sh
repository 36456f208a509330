# Starts processes that are not below it.
# expect: exited | kept

exec "$PRISONER" clones
