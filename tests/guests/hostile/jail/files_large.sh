# Fills the disk with files of which each is small enough.
# expect: over-limit | FileBytes

exec "$PRISONER" files-large
