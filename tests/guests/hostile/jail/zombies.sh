# Leaves children of children behind.
# expect: exited | started

exec "$PRISONER" zombies
