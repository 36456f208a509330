# Opens devices.
# expect: exited | kept

head -c 1 /dev/zero 2>/dev/null || head -c 1 /dev/urandom 2>/dev/null || mknod out/device c 1 5 2>/dev/null || echo kept
