# Reads a file that lies beside its folder.
# expect: exited | Permission denied

cat secret
