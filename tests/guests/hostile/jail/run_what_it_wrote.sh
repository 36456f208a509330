# Runs a program that it wrote.
# expect: exited | Permission denied

cp /bin/echo out/mine; chmod +x out/mine; out/mine free
