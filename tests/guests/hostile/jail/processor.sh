# Uses the processor without end.
# expect: killed | 

while :; do :; done
