# Fills the disk with files that are each within the limit.
# expect: over-limit | FileBytes

exec "$PRISONER" files-large
