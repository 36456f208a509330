# Ignores all signals that can be ignored, and hangs.
# expect: timed-out | 
# limit: rustc_wall_ms 2000

trap "" TERM INT HUP QUIT; while :; do sleep 600; done
