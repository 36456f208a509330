# Writes to its output without end.
# expect: timed-out | 
# limit: rustc_wall_ms 2000

yes 0123456789
