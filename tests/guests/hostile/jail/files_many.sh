# Makes files without end.
# expect: over-limit | Files

exec "$PRISONER" files-many
