# Leaves its process group by a session of its own.
# expect: exited | kept

setsid sleep 600 & setsid -f sleep 600; setsid -w true 2>/dev/null || echo kept
