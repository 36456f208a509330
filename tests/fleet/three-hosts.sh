#!/bin/sh
# A search over three hosts: a NATS server, a worker's and a coordinator's, each in a network namespace of its own, joined by lines
# with delay and loss, each of which is cut for some seconds. It has to end with the same bytes as a search on one machine.
#
#   unshare --user --map-root-user --net --mount tests/fleet/three-hosts.sh target/debug/mmh
#
# `unshare` gives it the rights over its own network, so that it needs no root; without it, it needs root. It needs `ip` of iproute2,
# Python and `nats-server`. DELAY_MS (each way), LOSS (a share of the packets, each way) and CUT_S change the lines.
set -eu
mmh=$(realpath "$1")
here=$(dirname "$(realpath "$0")")
delay=${DELAY_MS:-20} loss=${LOSS:-0.02} cut_s=${CUT_S:-6}
work=$(mktemp -d)
pids="" lines=""
end() {
    for pid in $pids; do kill -9 "$pid" 2>/dev/null || true; done
    for host in server worker coordinator; do ip netns del "$host" 2>/dev/null || true; done
    umount /run/netns 2>/dev/null || true
    rm -rf "$work"
}
trap end EXIT
export PATH="$PATH:/usr/sbin"

# A folder of names of our own, where we may write.
mkdir -p "$work/netns" /run/netns 2>/dev/null || mount -t tmpfs none /run
mkdir -p /run/netns
mount -t tmpfs none /run/netns
for host in server worker coordinator; do
    ip netns add $host
    ip -n $host link set lo up
done
number=1
for host in worker coordinator; do
    python3 "$here/link.py" "server=10.99.$number.1/30" "$host=10.99.$number.2/30" --name "$host" \
        --delay-ms "$delay" --loss "$loss" >"$work/$host.line" &
    pids="$pids $!" lines="$lines $!"
    until grep -qs up "$work/$host.line"; do sleep 0.1; done
    number=$((number + 1))
done
on() { host=$1; shift; ip netns exec "$host" "$@"; }

search="--mock --iterations 2 --eval-size 40 --baseline few-shot-all --fixed-clock 2026-01-01T00:00:00Z --run-id a"
cd "$work"
"$mmh" run $search --runs-dir here >here.out 2>here.err || { cat here.err; exit 1; }
on server nats-server -js -sd "$work/nats" -a 0.0.0.0 >nats.log 2>&1 &
pids="$pids $!"
sleep 1
on worker python3 -c '
import socket, time
begun = time.monotonic()
socket.create_connection(("10.99.1.1", 4222)).close()
print(f"a connection from the host of the worker takes {(time.monotonic() - begun) * 1000:.0f} ms")'
for name in one two; do
    on worker "$mmh" worker --nats nats://10.99.1.1:4222 --name $name --processors 1 >worker-$name.log 2>&1 &
    pids="$pids $!"
done
sleep 2
begun=$(date +%s)
on coordinator "$mmh" run $search --runs-dir there --workers nats://10.99.2.1:4222 >there.out 2>there.err &
coordinator=$!
pids="$pids $coordinator"
# Cut the worker's host off, then the coordinator's, while the search goes on.
cuts=0
for host in worker coordinator; do
    sleep 4
    if kill -0 $coordinator 2>/dev/null; then
        echo "the line of the $host is cut for $cut_s s"
        ip -n server link set "$host" down
        sleep "$cut_s"
        ip -n server link set "$host" up
        cuts=$((cuts + 1))
    fi
done
wait $coordinator || { cat there.err; exit 1; }
diff -r here/a there/a
kill -TERM $lines
sleep 0.5
for host in worker coordinator; do echo "the line of the $host: $(tail -n 1 "$host.line")"; done
echo "delay $delay ms and loss $loss each way, $cuts lines cut: the same bytes after $(($(date +%s) - begun)) s"
