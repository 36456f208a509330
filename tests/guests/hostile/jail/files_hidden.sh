# Fills the disk in a folder that cannot be listed.
# expect: over-limit | 

exec "$PRISONER" files-in-hidden-folder
