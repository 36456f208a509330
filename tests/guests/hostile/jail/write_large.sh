# Writes a file without an end.
# expect: exited | File size

(dd if=/dev/zero of=out/large bs=1M count=100 2>&1; head -c 100000000 /usr/bin/env > out/large; yes | head -c 100000000 > out/large) 2>&1; echo "File size $(wc -c < out/large)"
