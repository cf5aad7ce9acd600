# SPDX-License-Identifier: BSD-3-Clause
"""The kernel as peer over a link that loses: 2 roles x timestamps, SACK and window scale on and off x loss.

The whole grid is 80 cases. QUICK are those of them that an ordinary run does: any two values of any
two properties meet in one of them. What happens to a frame is the same in each run (its seed is
taken from the case's name), which frames there are is not.
"""

import hashlib
import itertools
import random
import threading
import zlib

from case import case
from kernel import Server, pattern, recv_all
from lab import OUR_IP, PEER_IP, SCALE, check, check_equal
from rawpeer import ACK, SYN

ROLES = ("server", "client")  # polltcp's
OPTIONS = {"ts": "tcp_timestamps", "sack": "tcp_sack", "ws": "tcp_window_scaling"}
KINDS = {"ts": 8, "sack": 4, "ws": 3}
LOSSES = ("0", "0.1", "1", "5", "10")  # %
LARGE, SMALL = 16 << 20, 256 << 10  # up to 1 %, above
# One way 10 ms; a frame that is late is overtaken by all that leave within the next 2 ms.
FAR = ("--delay", "10ms", "--jitter", "200us", "--reorder", "1", "--reorder-by", "2ms",
    "--duplicate", "0.2")
CLIENT_PHASE = 37  # where the client's first connection begins in the pattern (app/load.c)


def size_of(loss):
    return LARGE if float(loss) <= 1 else SMALL


def is_far(role, options):
    """Half of the cases have a long link that also reorders: for each option, role and loss."""
    return (("ts" in options) + ("ws" in options) + (role == "client")) % 2 == 1


def name_of(loss, role, options):
    return f"loss_{loss.replace('.', '_')}_{role}_{'_'.join(options) or 'plain'}"


def option_kinds(options):
    """The kinds of the options in a TCP header."""
    kinds = set()
    at = 0
    while at < len(options) and options[at] != 0:
        kinds.add(options[at])
        at += 1 if options[at] == 1 else options[at + 1]
    return kinds & set(KINDS.values())


# --- one case -------------------------------------------------------------------------------------


def serve(t, data):
    """polltcp echoes what the kernel sends. The hash of what came back, and polltcp's report."""
    server = t.server("--listen", "7=echo", "--quiet")
    sock = t.kernel.connect(7, seconds=100)
    failed = []

    def send():
        try:
            sock.sendall(data)
            sock.shutdown(1)
        except OSError as e:
            failed.append(e)

    sender = threading.Thread(target=send, daemon=True)
    sender.start()
    got = recv_all(sock)
    sender.join(10)
    check(not failed, f"sending: {failed}")
    sock.close()
    check_equal(len(got), len(data), "length of the echo")
    # The last ACK of the kernel may be lost: then polltcp waits until its FIN is acknowledged.
    report = server.stop(seconds=60)
    check_equal(report["reasons"]["done"], 1, "ended as done")
    return hashlib.sha256(got).hexdigest(), report


def connect(t, data):
    """The kernel echoes what polltcp sends, which checks what comes back byte for byte."""
    received, sent = hashlib.sha256(), hashlib.sha256()

    def echo(sock):
        sock.settimeout(100 * SCALE)
        while True:
            piece = sock.recv(1 << 18)
            if not piece:
                return
            received.update(piece)
            sock.sendall(piece)
            sent.update(piece)

    server = Server(t.kernel, 7, echo)
    client = t.client("--connect", f"{PEER_IP}:7", "--request-size", str(len(data)), "--timeout",
        "150s", "--quiet")
    report = client.finish(seconds=150)
    server.check(1)
    check_equal(report["failed"], 0, "failed")
    check_equal(sent.hexdigest(), received.hexdigest(), "hash of what the kernel sent")
    return received.hexdigest(), report


def check_options(t, role, options):
    """Both SYNs carry what they should."""
    ours = options if role == "server" else OPTIONS  # polltcp offers all there are
    for who, outgoing, wanted in (("the kernel", True, options), ("polltcp", False, ours)):
        syns = t.capture.find_tcp(lambda p, o=outgoing: p.outgoing == o and p.flags & SYN
            and bool(p.flags & ACK) == (o == (role == "client")))
        check(syns, f"no SYN of {who} in the capture")
        for syn in syns:
            check_equal(option_kinds(syn.options), {KINDS[name] for name in wanted},
                f"kinds of options on the SYN of {who}")


def check_relay(t, loss):
    for namespace, device in ((t.lab.ours, t.lab.our_device), (t.lab.peer, t.lab.device)):
        check_equal(namespace.dropped(device), 0, f"frames that {device} itself lost")
    done = t.lab.relay.finish()
    for name in ("a_to_b", "b_to_a"):
        way = done[name]
        check_equal(way["queue_full"], 0, f"the relay's queue_full, {name}")
        check_equal(way["lost"] > 0, loss != "0", f"frames lost, {name}: {way}")
    return done


def transfer(t, loss, role, options):
    for name, sysctl in OPTIONS.items():
        t.lab.peer.sysctl(f"ipv4/{sysctl}", int(name in options))
    t.kernel.congestion = "cubic"
    size = size_of(loss)
    if role == "server":
        data = random.Random(t.case.name).randbytes(size)
        got, report = serve(t, data)
    else:
        data = pattern(size, CLIENT_PHASE)
        got, report = connect(t, data)
    check_equal(got, hashlib.sha256(data).hexdigest(), "hash of what came back")
    check_equal((report["closed"], report["bytes_in"]), (1, size), "closed and bytes_in")
    relay = check_relay(t, loss)
    check_options(t, role, options)
    counters = report["counters"]
    lost = relay["a_to_b"]["lost"], relay["b_to_a"]["lost"]
    t.note(f"lost {lost[0]} of polltcp's frames and {lost[1]} of the kernel's; polltcp sent "
        f"{report['retransmitted']} again, {counters['fast_retransmit']} fast retransmits, "
        f"{counters['rto']} timeouts")


# --- the grid -------------------------------------------------------------------------------------


def option_sets():
    """All subsets of the options."""
    for flags in itertools.product((True, False), repeat=len(OPTIONS)):
        yield tuple(name for name, on in zip(OPTIONS, flags) if on)


def add(loss, role, options):
    def run(t):
        transfer(t, loss, role, options)

    far = is_far(role, options)
    size = "16 MiB" if size_of(loss) == LARGE else "256 KiB"
    run.__name__ = name_of(loss, role, options)
    run.__doc__ = (f"{size} there and back at {loss} % loss, polltcp as {role}; kernel with "
        f"{', '.join(options) or 'no option'}{'; 20 ms and reordering' if far else ''}")
    case(run, variants=("relay",), lossless=False, seconds=170,
        relay=("--loss", loss, "--seed", str(zlib.crc32(run.__name__.encode())),
            *(FAR if far else ())))


for each in itertools.product(LOSSES, ROLES, option_sets()):
    add(*each)
