# Reads a file through a link that it made.
# expect: exited | Operation not permitted

ln -s ../secret out/link; cat out/link
