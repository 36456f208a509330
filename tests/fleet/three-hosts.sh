#!/bin/sh
# A search over three hosts: a NATS server, a worker and a coordinator, each in a network namespace of its own, joined by links
# with delay and loss, one of which is cut for some seconds. It has to end with the same bytes as a search on one machine.
#
#   sudo tests/fleet/three-hosts.sh target/debug/mmh
#
# It needs root, `ip` and `tc` of iproute2 and `nats-server`. DELAY, LOSS and CUT_S change the links.
set -eu
mmh=$(realpath "$1")
delay=${DELAY:-20ms} loss=${LOSS:-2%} cut_s=${CUT_S:-8}
id=mmh$$
work=$(mktemp -d)
pids=""
end() {
    for pid in $pids; do kill -9 "$pid" 2>/dev/null || true; done
    for host in server worker coordinator; do ip netns del "$id-$host" 2>/dev/null || true; done
    rm -rf "$work"
}
trap end EXIT
export PATH="$PATH:/usr/sbin"

# The server's host has a bridge; the two others hang on it.
ip netns add "$id-server"
on_server() { ip netns exec "$id-server" "$@"; }
on_server ip link add bridge type bridge
on_server ip addr add 10.99.0.1/24 dev bridge
on_server ip link set bridge up
on_server ip link set lo up
number=2
# Where the kernel has no netem, the lines are only cut.
for host in worker coordinator; do
    ip netns add "$id-$host"
    ip -n "$id-server" link add "to-$host" type veth peer name wire netns "$id-$host"
    on_server ip link set "to-$host" master bridge up
    ip -n "$id-$host" addr add "10.99.0.$number/24" dev wire
    ip -n "$id-$host" link set wire up
    ip -n "$id-$host" link set lo up
    netem="root netem delay $delay loss $loss"
    if on_server tc qdisc add dev "to-$host" $netem 2>"$work/tc.log"; then
        ip netns exec "$id-$host" tc qdisc add dev wire $netem
    else
        delay=no loss=no
    fi
    number=$((number + 1))
done

search="--mock --iterations 2 --eval-size 40 --baseline few-shot-all --fixed-clock 2026-01-01T00:00:00Z --run-id a"
cd "$work"
"$mmh" run $search --runs-dir here >here.out 2>here.err || { cat here.err; exit 1; }
on_server nats-server -js -sd "$work/nats" -a 10.99.0.1 >nats.log 2>&1 &
pids="$pids $!"
sleep 1
for name in one two; do
    ip netns exec "$id-worker" "$mmh" worker --nats nats://10.99.0.1:4222 --name $name --processors 1 >worker-$name.log 2>&1 &
    pids="$pids $!"
done
sleep 2
begun=$(date +%s)
ip netns exec "$id-coordinator" "$mmh" run $search --runs-dir there --workers nats://10.99.0.1:4222 >there.out 2>there.err &
coordinator=$!
pids="$pids $coordinator"
# Cut the worker off, then the coordinator, while the search goes on.
for host in worker coordinator; do
    sleep 4
    if kill -0 $coordinator 2>/dev/null; then
        echo "the line of the $host is cut for $cut_s s"
        on_server ip link set "to-$host" down
        sleep "$cut_s"
        on_server ip link set "to-$host" up
    fi
done
wait $coordinator || { cat there.err; exit 1; }
diff -r here/a there/a
echo "delay $delay and loss $loss each way: the same bytes after $(($(date +%s) - begun)) s"
