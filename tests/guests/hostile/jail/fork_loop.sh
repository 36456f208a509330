# Starts processes as fast as it can.
# expect: timed-out | 
# limit: rustc_wall_ms 2000

loop() { while :; do sleep 600 & done; }
loop
