#!/usr/bin/env python3
"""A line between two network namespaces, with a delay and a loss, for kernels that have no netem.

    link.py NAMESPACE=ADDRESS/BITS NAMESPACE=ADDRESS/BITS --name DEVICE --delay-ms 20 --loss 0.02

It makes a TUN device in each of the two namespaces and carries the packets of one to the other: each is lost with the given
chance, else it arrives after the delay, in order. Both directions alike. A device that is set down cuts the line: packets that
would arrive there are lost. It prints `up` when both devices are there, carries packets until it is terminated, and prints how many
it carried and lost.
"""
import argparse
import collections
import ctypes
import fcntl
import os
import random
import selectors
import signal
import struct
import subprocess
import sys
import time

TUNSETIFF = 0x400454CA
IFF_TUN, IFF_NO_PI = 0x0001, 0x1000
CLONE_NEWNET = 0x40000000
LARGEST_PACKET = 65536
# A line holds so many packets; what comes beyond is lost, as in a router.
QUEUED_PACKETS = 1000

libc = ctypes.CDLL(None, use_errno=True)


def device(namespace: str, name: str, address: str) -> int:
    """Makes a TUN device in a namespace and gives its descriptor."""
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    enter(f"/run/netns/{namespace}")
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "addr", "add", address, "dev", name], check=True)
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    enter(here)
    os.close(here)
    return tun


def enter(namespace) -> None:
    """Enters a network namespace: a path or a descriptor. (Python has `os.setns` from 3.12 on.)"""
    descriptor = os.open(namespace, os.O_RDONLY) if isinstance(namespace, str) else namespace
    if libc.setns(descriptor, CLONE_NEWNET) != 0:
        error = ctypes.get_errno()
        raise OSError(error, os.strerror(error), str(namespace))
    if isinstance(namespace, str):
        os.close(descriptor)


def carry(ends: list[int], delay: float, loss: float, counts: collections.Counter) -> None:
    """Carries packets both ways for ever, and counts them."""
    chance = random.Random(7)

    def is_lost() -> bool:
        lost = chance.random() < loss
        counts["lost" if lost else "carried"] += 1
        return lost

    ways = {ends[0]: (ends[1], collections.deque()), ends[1]: (ends[0], collections.deque())}
    selector = selectors.DefaultSelector()
    for end in ends:
        selector.register(end, selectors.EVENT_READ)
    while True:
        due = [queue[0][0] for _, queue in ways.values() if queue]
        wait = max(0.0, min(due) - time.monotonic()) if due else None
        for key, _ in selector.select(wait):
            take(key.fd, ways[key.fd][1], delay, is_lost)
        now = time.monotonic()
        for other, queue in ways.values():
            while queue and queue[0][0] <= now:
                give(other, queue.popleft()[1])


def take(end: int, queue, delay: float, is_lost) -> None:
    """Takes the packets that wait at one end."""
    while True:
        try:
            packet = os.read(end, LARGEST_PACKET)
        except OSError:
            # Nothing waits, or the device is down.
            return
        if not is_lost() and len(queue) < QUEUED_PACKETS:
            queue.append((time.monotonic() + delay, packet))


def give(end: int, packet: bytes) -> None:
    """Hands a packet to one end. A device that is down takes none: the packet is lost."""
    try:
        os.write(end, packet)
    except OSError:
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("ends", nargs=2, metavar="NAMESPACE=ADDRESS/BITS")
    parser.add_argument("--name", required=True)
    parser.add_argument("--delay-ms", type=float, required=True)
    parser.add_argument("--loss", type=float, required=True, help="from 0 to 1")
    asked = parser.parse_args()
    ends = [device(namespace, asked.name, address) for namespace, address in (end.split("=") for end in asked.ends)]
    counts: collections.Counter = collections.Counter()

    def tell(*_) -> None:
        print(f"{counts['carried']} packets carried, {counts['lost']} lost", flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, tell)
    print("up", flush=True)
    carry(ends, asked.delay_ms / 1000, asked.loss, counts)


if __name__ == "__main__":
    main()
