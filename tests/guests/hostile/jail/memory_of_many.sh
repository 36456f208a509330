# Takes memory in many processes, each within its limit.
# expect: over-limit | Memory

exec "$PRISONER" memory-of-many
