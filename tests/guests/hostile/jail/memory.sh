# Takes memory until there is none.
# expect: killed | 

x=0123456789abcdef; while :; do x=$x$x; done
