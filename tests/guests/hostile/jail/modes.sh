# Changes modes, owners and times of files.
# expect: exited | kept

exec "$PRISONER" modes
