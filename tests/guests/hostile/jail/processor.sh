# Uses the processor without end.
# expect: killed | 
# limit: rustc_wall_ms 60000

while :; do :; done
