# Holds sockets without end.
# expect: over-limit | Sockets

exec "$PRISONER" sockets-many
