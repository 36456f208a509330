# Takes memory until none is left.
# expect: killed | 

x=0123456789abcdef; while :; do x=$x$x; done
