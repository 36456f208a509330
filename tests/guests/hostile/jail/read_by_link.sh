# Reads a file through a link that it made.
# expect: exited | Permission denied

ln -s ../secret out/link; cat out/link
