# Starts processes that are not its children.
# expect: exited | kept

exec "$PRISONER" clones
