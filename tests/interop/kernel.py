# SPDX-License-Identifier: BSD-3-Clause
"""The Linux kernel as peer: its sockets, their states as `ss` shows them, ways to trouble it."""

import ctypes
import socket
import struct
import threading

from lab import OUR_IP, PEER_IP, SCALE, Failed, check, until

SO_ATTACH_FILTER, SO_DETACH_FILTER = 26, 27
NOBODY = "02:00:00:00:00:99"

# The lines of RFC 864 as app/pattern.c has them: 95 lines of 72 characters and CRLF, then again.
_LINES = b"".join(
    bytes(32 + (line + column) % 95 for column in range(72)) + b"\r\n" for line in range(95))


def pattern(length, offset=0):
    """`length` bytes of what chargen and http send."""
    offset %= len(_LINES)
    return (_LINES * ((offset + length) // len(_LINES) + 1))[offset:offset + length]


def pattern_blocks(length, size=1 << 20):
    """The same in blocks, for lengths that should not stand in memory."""
    offset = 0
    while offset < length:
        block = pattern(min(size, length - offset), offset)
        yield block
        offset += len(block)


def recv_exactly(sock, length):
    data = bytearray()
    while len(data) < length:
        piece = sock.recv(min(1 << 20, length - len(data)))
        check(piece, f"the stream ended after {len(data)} of {length} bytes")
        data += piece
    return bytes(data)


def recv_all(sock):
    """Everything up to the FIN."""
    pieces = []
    while True:
        piece = sock.recv(1 << 20)
        if not piece:
            return b"".join(pieces)
        pieces.append(piece)


class Filter:
    """A classic BPF filter at a kernel socket: what it refuses never reached the kernel's TCP."""

    DROP_ALL = ((0x06, 0, 0, 0),)  # ret 0

    @staticmethod
    def drop_random(share):
        """ld random; jge share, keep; ret 0; keep: ret all"""
        return ((0x20, 0, 0, 0xFFFFF000 + 56), (0x35, 1, 0, int(share * 0xFFFFFFFF)),
            (0x06, 0, 0, 0), (0x06, 0, 0, 0xFFFFFFFF))

    @staticmethod
    def attach(sock, program):
        code = b"".join(struct.pack("HBBI", *instruction) for instruction in program)
        buffer = ctypes.create_string_buffer(code, len(code))
        sock.setsockopt(socket.SOL_SOCKET, SO_ATTACH_FILTER,
            struct.pack("HxxxxxxP", len(program), ctypes.addressof(buffer)))

    @staticmethod
    def detach(sock):
        sock.setsockopt(socket.SOL_SOCKET, SO_DETACH_FILTER, 0)


class Kernel:
    """The peer's kernel. Its sockets live in the namespace but are used from here."""

    def __init__(self, lab):
        self.lab = lab
        self.sockets = []
        self.congestion = None  # its congestion control; None: what the machine is set to

    def socket(self, seconds=10, rcvbuf=None):
        with self.lab.peer.inside():
            sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        sock.settimeout(seconds * SCALE)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if rcvbuf is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, rcvbuf)
        if self.congestion is not None:  # not by sysctl: only some may be a namespace's default
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_CONGESTION, self.congestion.encode())
        self.sockets.append(sock)
        return sock

    def connect(self, port, seconds=10, rcvbuf=None):
        sock = self.socket(seconds, rcvbuf)
        try:
            sock.connect((OUR_IP, port))
        except TimeoutError:
            raise Failed(f"connect to port {port}: no answer") from None
        return sock

    def listen(self, port, backlog=128):
        """At every address: a tap device gets its address later."""
        sock = self.socket()
        sock.bind(("0.0.0.0", port))
        sock.listen(backlog)
        return sock

    @staticmethod
    def accept(listener, seconds=10):
        listener.settimeout(seconds * SCALE)
        try:
            sock, _ = listener.accept()
        except TimeoutError:
            raise Failed(f"no connection within {seconds:g} s") from None
        sock.settimeout(seconds * SCALE)
        return sock

    # --- ss ---------------------------------------------------------------------------------------

    def ss(self):
        """[(state, local, remote)] of all TCP sockets of the namespace, ports as text."""
        out = self.lab.peer.run("ss", "-tanH").decode()
        rows = [line.split() for line in out.splitlines()]
        return [(row[0], row[3], row[4]) for row in rows]

    def states(self, ours=None, local=None):
        """States of the connections with polltcp's port, or with the kernel's port."""
        return sorted(state for state, at, remote in self.ss() if state != "LISTEN"
            and (ours is None or remote == f"{OUR_IP}:{ours}")
            and (local is None or at == f"{PEER_IP}:{local}"))

    @staticmethod
    def ports(sock):
        """(kernel's port, polltcp's port): name the connection after its socket is gone as well."""
        return sock.getsockname()[1], sock.getpeername()[1]

    def expect_state(self, ports, wanted, seconds=5):
        """Wait until `ss` shows the connection in the state; None: not any more."""
        local, ours = ports
        wanted_list = [] if wanted is None else [wanted]
        got = [None]

        def reached():
            got[0] = self.states(ours=ours, local=local)
            return got[0] == wanted_list

        until(reached, seconds, lambda: f"ss shows {wanted or 'nothing'} for port {local}, "
            f"but {', '.join(got[0]) or 'nothing'}")

    def details(self, ports):
        """What `ss -tin` says of a connection: options, RTT, ..."""
        local, ours = ports
        return self.lab.peer.run("ss", "-tinoH", f"sport = :{local}", "and",
            f"dport = :{ours}").decode()

    # --- trouble ----------------------------------------------------------------------------------

    def cut_towards_us(self):
        """Nothing of the peer's reaches polltcp any more: it goes to a MAC that nobody has."""
        self.lab.peer.run("ip", "neigh", "replace", OUR_IP, "lladdr", NOBODY, "nud", "permanent",
            "dev", self.lab.device)

    def join(self):
        self.lab.peer.run("ip", "neigh", "replace", OUR_IP, "lladdr", self.lab.our_mac, "nud",
            "permanent", "dev", self.lab.device)

    def unplug(self):
        """The peer's end of the link goes down."""
        self.lab.peer.run("ip", "link", "set", self.lab.device, "down")

    def close(self):
        for sock in self.sockets:
            sock.close()


class Server(threading.Thread):
    """A server of the kernel's for many connections, one after the other: serve(sock) for each."""

    def __init__(self, kernel, port, serve):
        super().__init__(daemon=True)
        self.listener = kernel.listen(port, 1024)
        self.serve = serve
        self.served = 0
        self.error = None
        self.start()

    def run(self):
        self.listener.settimeout(None)
        while True:
            try:
                sock, _ = self.listener.accept()
            except OSError:
                return  # closed by the case
            try:
                with sock:
                    sock.settimeout(10 * SCALE)
                    self.serve(sock)
                self.served += 1
            except (OSError, Failed) as e:
                self.error = self.error or e

    def check(self, served):
        check(self.error is None, f"the peer's server failed: {self.error}")
        until(lambda: self.served >= served, 5, lambda: f"{served} connections served "
            f"(there were {self.served})")


def serve_echo(sock):
    while True:
        data = sock.recv(65536)
        if not data:
            return
        sock.sendall(data)
