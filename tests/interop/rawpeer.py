# SPDX-License-Identifier: BSD-3-Clause
"""A scripted peer on a raw socket: Ethernet, ARP, IPv4, ICMP echo and any TCP segment.

It has no state machine of its own: a case says every segment, right or wrong, and what it expects.
"""

import itertools
import socket
import struct
import time

from lab import OUR_IP, PEER_IP, SCALE, Failed, check, check_equal

FIN, SYN, RST, PSH, ACK, URG = 1, 2, 4, 8, 16, 32
FLAG_NAMES = ((SYN, "SYN"), (FIN, "FIN"), (RST, "RST"), (PSH, "PSH"), (ACK, "ACK"), (URG, "URG"))
ETH_IP, ETH_ARP, ETH_ALL = 0x0800, 0x0806, 0x0003
PROTO_ICMP, PROTO_TCP = 1, 6
PACKET_OUTGOING = 4
BROADCAST = b"\xff" * 6
RAW_MAC = bytes.fromhex("020000000901")


def mac_bytes(text):
    return bytes.fromhex(text.replace(":", ""))


def flag_text(flags):
    return "+".join(name for bit, name in FLAG_NAMES if flags & bit) or "no flags"


def inet_sum(data):
    """The Internet checksum of `data`, ready to be stored."""
    if len(data) % 2:
        data += b"\0"
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


# --- building -------------------------------------------------------------------------------------


def build_ether(dst, src, ethertype, payload, pad=True):
    frame = dst + src + struct.pack("!H", ethertype) + payload
    return frame + bytes(max(0, 60 - len(frame))) if pad else frame


def build_arp(op, sha, spa, tha, tpa, htype=1, ptype=ETH_IP, hlen=6, plen=4):
    return struct.pack("!HHBBH6s4s6s4s", htype, ptype, hlen, plen, op, sha,
        socket.inet_aton(spa), tha, socket.inet_aton(tpa))


def build_ip(payload, proto=PROTO_TCP, src=PEER_IP, dst=OUR_IP, options=b"", total=None, version=4,
        ihl=None, sum_xor=0):
    """An IPv4 packet; what is not given is right. `sum_xor` spoils the checksum."""
    check(len(options) % 4 == 0, "IPv4 options come in words")
    if ihl is None:
        ihl = 5 + len(options) // 4
    if total is None:
        total = 20 + len(options) + len(payload)
    header = struct.pack("!BBHHHBBH4s4s", version << 4 | ihl, 0, total, 1, 0x4000, 64, proto, 0,
        socket.inet_aton(src), socket.inet_aton(dst)) + options
    header = header[:10] + struct.pack("!H", inet_sum(header) ^ sum_xor) + header[12:]
    return header + payload


def build_tcp(sport, dport, seq, ack, flags, payload=b"", options=b"", window=65535, urgent=0,
        doff=None, sum_xor=0, src=PEER_IP, dst=OUR_IP):
    """A TCP segment; what is not given is right. `sum_xor` spoils the checksum."""
    options += bytes(-len(options) % 4)
    if doff is None:
        doff = 5 + len(options) // 4
    segment = struct.pack("!HHIIBBHHH", sport, dport, seq & 0xFFFFFFFF, ack & 0xFFFFFFFF, doff << 4,
        flags, window, 0, urgent) + options + payload
    pseudo = socket.inet_aton(src) + socket.inet_aton(dst) + struct.pack("!HH", PROTO_TCP,
        len(segment))
    return segment[:16] + struct.pack("!H", inet_sum(pseudo + segment) ^ sum_xor) + segment[18:]


# --- parsing --------------------------------------------------------------------------------------


class Packet:
    """A received frame; `kind` says which fields there are: "arp", "tcp", "icmp" or "other"."""

    def __init__(self, frame, when=0.0, outgoing=False):
        self.frame = frame
        self.when = when
        self.outgoing = outgoing
        self.kind = "other"
        self.eth_dst, self.eth_src = frame[:6], frame[6:12]
        self.ethertype = struct.unpack("!H", frame[12:14])[0]
        if self.ethertype == ETH_ARP and len(frame) >= 42:
            self._arp(frame[14:42])
        elif self.ethertype == ETH_IP and len(frame) >= 34:
            self._ip(frame[14:])

    def _arp(self, data):
        self.kind = "arp"
        (_, _, _, _, self.op, self.sha, spa, self.tha, tpa) = struct.unpack("!HHBBH6s4s6s4s", data)
        self.spa, self.tpa = socket.inet_ntoa(spa), socket.inet_ntoa(tpa)

    def _ip(self, data):
        ihl = (data[0] & 15) * 4
        total = struct.unpack("!H", data[2:4])[0]
        self.src, self.dst = socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20])
        body = data[ihl:total]
        if data[9] == PROTO_TCP and len(body) >= 20:
            self._tcp(body)
        elif data[9] == PROTO_ICMP and len(body) >= 8:
            self.kind = "icmp"
            self.icmp = body

    def _tcp(self, data):
        self.kind = "tcp"
        (self.sport, self.dport, self.seq, self.ack, doff, self.flags, self.window, _,
            _) = struct.unpack("!HHIIBBHHH", data[:20])
        self.options = data[20:(doff >> 4) * 4]
        self.payload = data[(doff >> 4) * 4:]

    def __str__(self):
        if self.kind == "tcp":
            return (f"{self.src}:{self.sport} > {self.dst}:{self.dport} {flag_text(self.flags)} "
                f"seq {self.seq} ack {self.ack} len {len(self.payload)} win {self.window}")
        if self.kind == "arp":
            return f"ARP op {self.op} {self.spa} > {self.tpa}"
        if self.kind == "icmp":
            return f"ICMP type {self.icmp[0]} {self.src} > {self.dst}"
        return f"EtherType {self.ethertype:#06x}, {len(self.frame)} bytes"


# --- the link -------------------------------------------------------------------------------------


class Link:
    """The peer's end of the link. ARP requests for its address are answered while one waits."""

    def __init__(self, lab):
        with lab.peer.inside():
            self.socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(ETH_ALL))
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4 << 20)
        self.socket.bind((lab.device, 0))
        # Frames to a MAC that is not the device's reach a packet socket in promiscuous mode only
        # when a switch or a NIC is between; a veth or a tap hands up everything.
        self.mac = RAW_MAC
        self.lab = lab
        self.ports = itertools.count(40000)
        self.barriers = itertools.count(100)
        self.seen = []  # every packet that came, for messages

    @property
    def our_mac(self):
        return mac_bytes(self.lab.our_mac)

    def send(self, frame):
        self.socket.send(frame)

    def send_ip(self, packet, pad=True, dst=None):
        self.send(build_ether(dst or self.our_mac, self.mac, ETH_IP, packet, pad))

    def send_arp(self, arp, dst=BROADCAST, src=None):
        self.send(build_ether(dst, src or self.mac, ETH_ARP, arp))

    def recv(self, seconds):
        """The next packet from polltcp, or None."""
        end = time.monotonic() + seconds
        while True:
            left = end - time.monotonic()
            if left <= 0:
                return None
            self.socket.settimeout(left)
            try:
                frame, address = self.socket.recvfrom(65536)
            except TimeoutError:
                return None
            if address[2] == PACKET_OUTGOING:
                continue
            packet = Packet(frame, time.monotonic())
            self.seen.append(packet)
            if packet.kind == "arp" and packet.op == 1 and packet.tpa == PEER_IP:
                self.send_arp(build_arp(2, self.mac, PEER_IP, packet.sha, packet.spa),
                    dst=packet.eth_src)
                continue
            return packet

    def expect(self, what, wanted, seconds=3.0):
        """The first packet for which wanted() is true; others are passed over."""
        end = time.monotonic() + seconds * SCALE
        others = []
        while True:
            packet = self.recv(max(0.0, end - time.monotonic()))
            if packet is None:
                seen = "".join(f"\n  {p}" for p in others[-12:]) or " nothing"
                raise Failed(f"{what}: not within {seconds:g} s; came instead:{seen}")
            if wanted(packet):
                return packet
            others.append(packet)

    def expect_tcp(self, what, wanted, seconds=3.0):
        return self.expect(what, lambda p: p.kind == "tcp" and wanted(p), seconds)

    def barrier(self):
        """What polltcp sent until now, apart from ARP requests.

        It answers in order: after the answers to two ARP requests in a row, a whole turn of its
        loop lies behind what was sent before.
        """
        before = []
        for _ in range(2):
            spa = f"10.9.0.{100 + next(self.barriers) % 100}"
            self.send_arp(build_arp(1, self.mac, spa, bytes(6), OUR_IP))

            def answer(packet, spa=spa):
                if packet.kind == "arp" and packet.op == 2 and packet.tpa == spa:
                    return True
                before.append(packet)
                return False

            self.expect("answer to an ARP request", answer)
        return before

    def expect_nothing(self, what):
        """Nothing is sent in answer to what was sent before."""
        came = self.barrier()
        check(not came, f"{what}: was answered by " + "; ".join(str(p) for p in came))


# --- one connection -------------------------------------------------------------------------------


def seq_add(seq, n):
    return (seq + n) & 0xFFFFFFFF


def options_parse(data):
    """{kind: value} of TCP options."""
    found = {}
    while data:
        if data[0] == 0:
            break
        if data[0] == 1:
            data = data[1:]
            continue
        check(len(data) >= 2 and 2 <= data[1] <= len(data), f"malformed TCP options: {data!r}")
        found[data[0]] = data[2:data[1]]
        data = data[data[1]:]
    return found


class Conn:
    """Our variables of one connection, and segments made from them."""

    MSS = b"\x02\x04\x05\xb4"

    def __init__(self, link, rport, lport=None, iss=None, window=65535):
        self.link = link
        self.rport = rport
        self.lport = lport if lport is not None else next(link.ports)
        self.iss = iss if iss is not None else 0x10000000 + self.lport
        self.nxt = self.iss  # SND.NXT
        self.rcv = 0  # RCV.NXT
        self.window = window

    def send(self, flags, payload=b"", seq=None, ack=None, ip=None, pad=True, **more):
        """A segment, right but for what is given; SND.NXT stays. ip: arguments of build_ip()."""
        more.setdefault("window", self.window)
        if ack is None:
            ack = self.rcv if flags & ACK else 0
        segment = build_tcp(self.lport, self.rport, self.nxt if seq is None else seq, ack, flags,
            payload, **more)
        self.link.send_ip(build_ip(segment, **(ip or {})), pad=pad)

    def mine(self, packet):
        return (packet.kind == "tcp" and packet.src == OUR_IP and packet.sport == self.rport
            and packet.dport == self.lport)

    def expect(self, what, flags=None, seconds=3.0, **fields):
        """The next segment of this connection; with just these flags (PSH aside) and fields."""
        packet = self.link.expect(what, self.mine, seconds)
        if flags is not None:
            check(packet.flags & ~PSH == flags,
                f"{what}: {flag_text(flags)} expected, came {packet}")
        for name, value in fields.items():
            check_equal(getattr(packet, name), value, f"{what}: {name} of '{packet}'")
        return packet

    def open(self, options=MSS, iss_acked=True):
        """Three messages; the peer's SYN-ACK."""
        self.send(SYN, options=options)
        self.nxt = seq_add(self.nxt, 1)
        reply = self.expect("SYN-ACK", SYN | ACK, ack=self.nxt)
        self.rcv = seq_add(reply.seq, 1)
        if iss_acked:
            self.send(ACK)
        return reply

    def accept(self, syn, options=MSS):
        """Answer a SYN of polltcp's by SYN-ACK and wait for its ACK."""
        self.rcv = seq_add(syn.seq, 1)
        self.send(SYN | ACK, options=options)
        self.nxt = seq_add(self.nxt, 1)
        return self.expect("ACK of our SYN-ACK", ACK, seq=self.rcv, ack=self.nxt)

    def write(self, data):
        self.send(PSH | ACK, data)
        self.nxt = seq_add(self.nxt, len(data))

    def read(self, length, what="payload"):
        """In-order payload, acknowledged; bytes behind a FIN are not waited for."""
        data = b""
        while len(data) < length:
            packet = self.expect(what, seconds=5)
            check(not packet.flags & (SYN | RST), f"{what}: came {packet}")
            check(not packet.payload or packet.seq == self.rcv,
                f"{what}: seq {self.rcv} expected, came {packet}")
            data += packet.payload
            self.rcv = seq_add(self.rcv, len(packet.payload))
            if packet.payload:
                self.send(ACK)
        check_equal(len(data), length, f"{what}: length")
        return data

    def echo(self, data):
        """A request to the echo service and its answer: the connection works."""
        self.write(data)
        check_equal(self.read(len(data), "echo"), data, "echo")

    def close_first(self, seconds=3.0):
        """FIN, its ACK, polltcp's FIN, our ACK: we are the one in TIME-WAIT."""
        self.send(FIN | ACK)
        self.nxt = seq_add(self.nxt, 1)
        packet = self.expect("ACK or FIN", seconds=seconds, ack=self.nxt)
        if not packet.flags & FIN:
            packet = self.expect("FIN", FIN | ACK, seconds=seconds, ack=self.nxt)
        check_equal(packet.seq, self.rcv, "sequence number of the FIN")
        self.rcv = seq_add(self.rcv, 1)
        self.send(ACK)
