# Fills the disk with files that have no name and are only mapped.
# expect: over-limit | FileBytes

exec "$PRISONER" files-mapped
