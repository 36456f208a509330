# Changes the system itself, by mounts, clocks, devices, links.
# expect: exited | kept

exec "$PRISONER" system
