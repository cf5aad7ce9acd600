#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Does the relay do what its options say, and the same for the same seed? relay_check.py RELAY"""

import contextlib
import select
import socket
import struct
import sys
import tempfile
import time

sys.dont_write_bytecode = True

# pylint: disable=wrong-import-position
from lab import SCALE, Failed, Lab, Skipped, check, check_environment, check_equal  # noqa: E402

ETHERTYPE, ARP = 0x0800, 0x0806
HEADER = 14
FRAMES = 4000
BURST = 100  # what the socket's and the device's queues surely hold


def send(sock, numbers, ethertype):
    for n in numbers:
        sock.send(b"\x02\0\0\0\0\x02" + b"\x02\0\0\0\0\x01" + struct.pack("!HId", ethertype, n,
            time.monotonic()) + bytes(100))


def receive(sock, ethertype, found, seconds):
    """Append (number, delay) of what comes until nothing has for so long."""
    while select.select([sock], [], [], seconds)[0]:
        frame = sock.recv(2048)
        if struct.unpack_from("!H", frame, 12)[0] == ethertype and frame[:6] == b"\x02\0\0\0\0\x02":
            number, sent = struct.unpack_from("!Id", frame, HEADER)
            found.append((number, time.monotonic() - sent))


def through(relay, options, seed=1, ethertype=ETHERTYPE, frames=FRAMES, pause=0.002):
    """Send numbered frames from side a: [(number, delay)] as they came at side b, and the report."""
    found = []
    with tempfile.TemporaryDirectory(prefix="polltcp-relay-") as directory:
        lab = Lab("relay", None, directory, raw=True, relay=relay,
            relay_options=("--seed", str(seed), *options))
        with contextlib.closing(lab):
            socks = []
            for namespace, device in ((lab.ours, lab.our_device), (lab.peer, lab.device)):
                with namespace.inside():
                    socks.append(socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0))
                socks[-1].setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 << 20)
                socks[-1].bind((device, 3))
            for first in range(0, frames, BURST):
                send(socks[0], range(first, min(first + BURST, frames)), ethertype)
                receive(socks[1], ethertype, found, pause)
            receive(socks[1], ethertype, found, 0.2 * SCALE)
            report = lab.relay.finish()
            for sock in socks:
                sock.close()
    return found, report


def numbers(found):
    return [number for number, _ in found]


def check_share(got, wanted, what):
    """Within 5 standard deviations; the seed is fixed, so it is always the same number anyway."""
    deviation = (FRAMES * wanted * (1 - wanted)) ** 0.5
    check(abs(got - FRAMES * wanted) <= 5 * deviation, f"{what}: {got} of {FRAMES}, wanted "
        f"{wanted:g}")


def check_clean(relay):
    found, report = through(relay, ())
    check_equal(numbers(found), list(range(FRAMES)), "frames over a clean link")
    check_equal(report["a_to_b"]["delivered"], FRAMES, "delivered")
    check_equal(report["held"], 0, "still held")


def check_loss(relay):
    found, report = through(relay, ("--loss", "10"))
    kept = numbers(found)
    check_equal(kept, sorted(set(kept)), "order of what is left")
    check_share(FRAMES - len(kept), 0.1, "lost")
    check_equal(report["a_to_b"]["lost"], FRAMES - len(kept), "the report's count")
    again, _ = through(relay, ("--loss", "10", "--delay", "3ms"))
    check_equal(numbers(again), kept, "what the same seed keeps, with delay")
    other, _ = through(relay, ("--loss", "10"), seed=2)
    check(numbers(other) != kept, "another seed loses the same")
    back, _ = through(relay, ("--loss", "0,100"))
    check_equal(len(back), FRAMES, "frames when only the way back loses")
    spared, _ = through(relay, ("--loss", "100", "--ip-only"), ethertype=ARP, frames=BURST)
    check_equal(len(spared), BURST, "ARP frames that --ip-only spares")
    gone, _ = through(relay, ("--loss", "100", "--ip-only"), frames=BURST)
    check_equal(gone, [], "IP frames in spite of --ip-only")


def check_order(relay):
    found, report = through(relay, ("--duplicate", "5", "--jitter", "1ms"))
    got = numbers(found)
    check_equal(sorted(set(got)), list(range(FRAMES)), "frames with duplicates")
    check_equal(got, sorted(got), "order with jitter")
    check_share(len(got) - FRAMES, 0.05, "duplicates")
    check_equal(report["a_to_b"]["duplicated"], len(got) - FRAMES, "the report's count")
    found, report = through(relay, ("--reorder", "5", "--reorder-by", "1ms"))
    got = numbers(found)
    check_equal(sorted(got), list(range(FRAMES)), "frames with reordering")
    check_share(report["a_to_b"]["reordered"], 0.05, "reordered")
    late = sum(a > b for a, b in zip(got, got[1:]))
    check(0 < late <= report["a_to_b"]["reordered"], f"{late} were overtaken")


def check_time(relay):
    found, _ = through(relay, ("--delay", "20ms"), frames=BURST, pause=0.1)
    least = min(delay for _, delay in found)
    check(0.02 <= least <= 0.02 + 0.02 * SCALE, f"a delay of 20 ms takes {least * 1000:.1f} ms")
    # 100 frames of 126 bytes at 1.008 Mbit/s take 100 ms; the queue has room for 50 more behind the first
    rate = ("--rate", "1008k")
    found, _ = through(relay, rate, frames=BURST, pause=0.2)
    longest = max(delay for _, delay in found)
    check(0.09 <= longest <= 0.12 * SCALE, f"100 ms at the rate take {longest * 1000:.1f} ms")
    found, report = through(relay, (*rate, "--queue", "6300"), frames=BURST, pause=0.2)
    check(50 <= len(found) < 70, f"{len(found)} frames of {BURST} found room in the queue")
    check_equal(report["a_to_b"]["queue_full"], BURST - len(found), "the report's queue_full")


def main():
    try:
        check_environment({"relay"})
        for part in (check_clean, check_loss, check_order, check_time):
            part(sys.argv[1])
            print(f"ok {part.__name__}", flush=True)
    except Skipped as e:
        print(f"skipped: {e}")
        return 77
    except Failed as e:
        print(f"FAILED {e}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
