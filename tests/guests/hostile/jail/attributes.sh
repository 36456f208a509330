# Writes attributes and flags of files.
# expect: exited | kept

exec "$PRISONER" attributes
