# Starts processes as fast as it can.
# expect: over-limit | 

loop() { while :; do sleep 600 & done; }
loop
