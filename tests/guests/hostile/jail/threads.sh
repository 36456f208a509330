# Starts threads without end.
# expect: over-limit | Tasks

exec "$PRISONER" threads
