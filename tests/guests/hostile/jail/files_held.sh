# Fills the disk with files that have no name any more.
# expect: over-limit | FileBytes

exec "$PRISONER" files-held
