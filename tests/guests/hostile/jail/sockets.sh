# Opens sockets of every family, and moves data past all limits.
# expect: exited | kept

exec "$PRISONER" sockets
