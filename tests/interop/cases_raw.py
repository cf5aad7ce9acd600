# SPDX-License-Identifier: BSD-3-Clause
"""Cases with a scripted peer: what a kernel does not send, and what nobody should."""

import os
import struct
import time

from case import case
from kernel import pattern
from lab import OUR_IP, PEER_IP, SCALE, check, check_equal
from rawpeer import (ACK, FIN, PROTO_ICMP, PSH, RAW_MAC, RST, SYN, URG, Conn, Link, build_arp,
    build_ether, build_ip, build_tcp, flag_text, inet_sum, options_parse, seq_add)

AF_PACKET = ("af_packet",)


def http_close_first(conn, length=10):
    """Fetch by HTTP/1.0, so that polltcp closes first; its FIN is read, not yet acknowledged."""
    conn.write(f"GET /{length} HTTP/1.0\r\n\r\n".encode())
    data = b""
    while True:
        packet = conn.expect("answer and FIN")
        check_equal(packet.seq, conn.rcv, "sequence number")
        data += packet.payload
        conn.rcv = seq_add(conn.rcv, len(packet.payload))
        if packet.flags & FIN:
            check_equal(data[-length:], pattern(length), "body")
            return packet
        if packet.payload:
            conn.send(ACK)


def wait_until(when):
    """Time itself is what is tested here."""
    time.sleep(max(0.0, when - time.monotonic()))


# --- right, but nothing that a kernel could be made to do -----------------------------------------


@case(raw=True)
def scripted_life(t):
    """ICMP echo, options of the SYN-ACK, a whole life by hand"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    body = struct.pack("!BBHHH", 8, 0, 0, 0x1234, 7) + b"an odd payload!"
    body = body[:2] + struct.pack("!H", inet_sum(body)) + body[4:]
    link.send_ip(build_ip(body, PROTO_ICMP))
    reply = link.expect("ICMP echo reply", lambda p: p.kind == "icmp")
    check_equal(reply.icmp[0], 0, "ICMP type")
    check_equal(reply.icmp[4:], body[4:], "what the echo reply brings back")
    conn = Conn(link, 7)
    reply = conn.open(options=Conn.MSS + b"\x01\x03\x03\x07" + b"\x01\x01\x08\x0a"
        + struct.pack("!II", 1000, 0), iss_acked=False)
    options = options_parse(reply.options)
    check_equal(options.get(2), b"\x05\xb4", "MSS that polltcp announces (1,460)")
    check(3 in options and len(options[3]) == 1, f"window scale: {options}")
    check(8 in options and options[8][4:] == struct.pack("!I", 1000), f"timestamps: {options}")
    stamp = b"\x01\x01\x08\x0a" + struct.pack("!I", 1001) + options[8][:4]
    conn.send(ACK, options=stamp)
    conn.send(PSH | ACK, b"with a timestamp", options=stamp)
    conn.nxt = seq_add(conn.nxt, 16)
    echo = conn.expect("echo", ack=conn.nxt, payload=b"with a timestamp")
    check(8 in options_parse(echo.options), "the echo has no timestamp")
    conn.rcv = seq_add(conn.rcv, 16)
    conn.send(FIN | ACK, options=stamp)
    conn.nxt = seq_add(conn.nxt, 1)
    packet = conn.expect("ACK or FIN", ack=conn.nxt)
    if not packet.flags & FIN:
        packet = conn.expect("FIN", FIN | ACK, ack=conn.nxt)
    conn.rcv = seq_add(conn.rcv, 1)
    conn.send(ACK, options=stamp)
    link.expect_nothing("the last ACK")
    report = server.stop(drops={})
    check_equal(report["reasons"]["done"], 1, "ended as done")
    check_equal(report["counters"]["icmp_echo"], 1, "icmp_echo")


@case(raw=True)
def time_wait_fin_again(t):
    """In TIME-WAIT: a FIN sent again is ACKed and restarts 2MSL, a RST is ignored; after it, RST"""
    server = t.server("--listen", "80=http", "--msl", "1s")
    link = Link(t.lab)
    conns = [Conn(link, 80) for _ in range(2)]
    entered = []
    for conn in conns:
        conn.open()
        http_close_first(conn)
        conn.rcv = seq_add(conn.rcv, 1)
        conn.send(FIN | ACK)
        sent = time.monotonic()
        conn.nxt = seq_add(conn.nxt, 1)
        conn.expect("ACK of our FIN", ACK, seq=conn.rcv, ack=conn.nxt)
        entered.append((sent, time.monotonic()))  # TIME-WAIT began between
    again, ended = conns

    def fin_again(what):
        """As if the ACK had been lost; when it was sent."""
        now = time.monotonic()
        again.send(FIN | ACK, seq=again.nxt - 1)
        again.expect(what, ACK, seq=again.rcv, ack=again.nxt)
        return now

    again.send(RST, seq=again.nxt)
    again.send(RST | ACK, seq=again.nxt)
    link.expect_nothing("RST in TIME-WAIT")
    fin_again("ACK of the FIN sent again")
    wait_until(entered[0][0] + 1)
    restarted = fin_again("ACK of the FIN sent again after half the time")
    # The other one is there before 2MSL have passed ...
    wait_until(entered[1][0] + 1.95)
    ended.send(ACK, b"x", seq=ended.nxt - 5)
    answered = ended.expect("ACK of an old segment", seq=ended.rcv, ack=ended.nxt)
    late = time.monotonic() - entered[1][0]
    check(answered.flags == ACK or late >= 2, f"after {late:.3f} s came {answered}")
    # ... and gone after.
    wait_until(entered[1][1] + 2.02)
    ended.send(FIN | ACK, seq=ended.nxt - 1)
    ended.expect("RST after 2MSL", RST, seq=ended.rcv)
    if time.monotonic() < restarted + 1.8:
        fin_again("ACK of a FIN after 2MSL that were begun anew")
    else:
        t.note("the machine was too slow to see that TIME-WAIT was begun anew")
    report = server.stop(drops={"tcp_timewait_rst", "tcp_timewait_old", "tcp_no_conn"})
    check_equal(report["drops"]["tcp_timewait_rst"], 2, "tcp_timewait_rst")
    check(report["counters"]["timewait_restarts"] >= 2, "timewait_restarts")
    check_equal(report["counters"]["timewait_in"], 2, "timewait_in")


@case(raw=True, variants=AF_PACKET)
def bad_input_24_simultaneous_close(t):
    """Both FINs cross and polltcp's is lost: CLOSING sends it again and leaves through TIME-WAIT"""
    server = t.server("--listen", "80=http", "--msl", "200ms", "--stats-period", "100ms")
    link = Link(t.lab)
    conn = Conn(link, 80)
    conn.open()
    http_close_first(conn)
    conn.send(FIN | ACK)  # acknowledges all but the FIN
    conn.nxt = seq_add(conn.nxt, 1)
    first = conn.expect("ACK of our FIN", ack=conn.nxt)
    if not first.flags & FIN:
        check_equal(first.seq, seq_add(conn.rcv, 1), "sequence number of the ACK")
        conn.expect("FIN sent again", FIN | ACK, seq=conn.rcv, ack=conn.nxt)
    conn.rcv = seq_add(conn.rcv, 1)
    conn.send(ACK)
    link.expect_nothing("ACK of the FIN")
    conn.send(FIN | ACK, seq=conn.nxt - 1)
    conn.expect("ACK in TIME-WAIT", ACK, seq=conn.rcv, ack=conn.nxt)
    report = server.stop(drops={})
    check_equal(report["counters"]["timewait_in"], 1, "timewait_in")
    check_equal(report["reasons"]["done"], 1, "ended as done")


@case(raw=True, variants=AF_PACKET)
def bad_input_24_simultaneous_open(t):
    """polltcp's SYN is lost and comes again after 1 s; then ours crosses it"""
    link = Link(t.lab)  # first, so that it sees when the SYNs come
    client = t.client("--connect", f"{PEER_IP}:7", "--request-size", "64")
    syn = link.expect_tcp("SYN", lambda p: p.flags == SYN and p.dport == 7)
    again = link.expect_tcp("SYN sent again", lambda p: p.flags == SYN and p.dport == 7)
    check_equal((again.seq, again.sport), (syn.seq, syn.sport), "the second SYN")
    # The first one waited for ARP, so the request for that says when it was made.
    asked = t.capture.find(lambda p: p.kind == "arp" and not p.outgoing)[0].when
    gap = t.capture.wait_tcp("two SYNs", lambda p: p.flags == SYN, 2)[1].when - asked
    check(0.99 < gap < 1 + SCALE, f"the second SYN came after {gap:.3f} s")
    conn = Conn(link, syn.sport, lport=7)
    conn.send(SYN, options=Conn.MSS)
    conn.nxt = seq_add(conn.nxt, 1)
    conn.expect("SYN-ACK", SYN | ACK, seq=syn.seq, ack=conn.nxt)
    conn.rcv = seq_add(syn.seq, 1)
    conn.send(SYN | ACK, seq=conn.iss, options=Conn.MSS)
    data = conn.read(64, "request")
    conn.write(data)
    fin = conn.expect("ACK or FIN", ack=conn.nxt)
    if not fin.flags & FIN:
        fin = conn.expect("FIN", FIN | ACK, ack=conn.nxt)
    conn.rcv = seq_add(conn.rcv, 1)
    conn.send(FIN | ACK)
    conn.nxt = seq_add(conn.nxt, 1)
    conn.expect("ACK of our FIN", ACK, seq=conn.rcv, ack=conn.nxt)
    report = client.finish(drops={})
    check_equal((report["established"], report["closed"], report["failed"]), (1, 1, 0),
        "established, closed, failed")


# --- BAD-INPUT: parsing ---------------------------------------------------------------------------


@case(raw=True, variants=AF_PACKET)
def bad_input_01_02_options(t):
    """TCP options of length 0 and 1, past the end, of a wrong length: parsing stops"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    bad = (b"\xfe\x00\x00\x00", b"\x02\x00\x05\xb4", b"\xfe\x01\x00\x00", b"\x02\x01\x05\xb4",
        b"\xfe\x28\x00\x00", b"\x02\x04\x05\xb4\x01\x01\x01\x08", b"\x01\x01\x01\x02",
        b"\x02\x03\x05\x00", b"\x03\x04\x07\x00", b"\x08\x08" + bytes(6), b"\x05\x03\x00\x00",
        b"\x01" * 40, b"\xfe\x28" + bytes(38))
    for options in bad:
        conn = Conn(link, 7)
        conn.open(options=options)
        conn.echo(b"after " + options)
        # and in the middle of a connection
        conn.send(PSH | ACK, b"more", options=options)
        conn.nxt = seq_add(conn.nxt, 4)
        check_equal(conn.read(4), b"more", "echo of a segment with bad options")
        conn.close_first()
    report = server.stop(drops={})
    check_equal(report["closed"], len(bad), "closed")


@case(raw=True, variants=AF_PACKET)
def bad_input_03_data_offset(t):
    """Data offset 0 to 4 and beyond the segment: dropped, on a connection and in LISTEN"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    bad = (0, 1, 4, 6, 15)
    for doff in bad:
        conn.send(ACK, doff=doff)
        Conn(link, 7).send(SYN, doff=doff)
    conn.send(PSH | ACK, b"data", doff=7)
    for length in (0, 1, 19):  # segments cut short
        conn.send(ACK, ip={"total": 20 + length}, pad=False)
    link.expect_nothing("bad data offsets")
    conn.echo(b"still here")
    conn.close_first()
    link.expect_nothing("the last ACK")
    server.stop(drops={"tcp_doff": 2 * len(bad) + 1, "tcp_short": 3})


@case(raw=True)
def bad_input_04_lengths(t):
    """IP lengths below the headers and beyond the frame: dropped; padding never becomes payload"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    segment = build_tcp(conn.lport, 7, conn.nxt, conn.rcv, PSH | ACK, b"never")
    for total in (0, 19, 46, 1500, 65535):  # 45 is right
        link.send_ip(build_ip(segment, total=total), pad=False)
    for ihl in (0, 4, 15):
        link.send_ip(build_ip(segment, ihl=ihl), pad=False)
    for version in (0, 5, 6, 15):
        link.send_ip(build_ip(segment, version=version))
    link.send_ip(b"", pad=False)
    link.send_ip(build_ip(b"")[:19], pad=False)
    link.expect_nothing("bad lengths")
    # 40 bytes of IP in a frame of 60 whose padding is not zero, then one byte in such a frame
    for payload, padding in ((b"", b"NOISE!"), (b"1", b"NOISE")):
        segment = build_tcp(conn.lport, 7, conn.nxt, conn.rcv, ACK, payload)
        link.send_ip(build_ip(segment) + padding)
        conn.nxt = seq_add(conn.nxt, len(payload))
    check_equal(conn.read(1), b"1", "echo of one byte from a padded frame")
    link.expect_nothing("padding")
    conn.echo(b"still here")
    conn.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"ip_total_len", "ip_hdr_len", "ip_version", "ip_short", "ip_cksum"})
    drops = report["drops"]
    check_equal(drops["ip_total_len"], 5, "ip_total_len")
    check_equal(drops["ip_version"], 4, "ip_version")
    check_equal(drops["ip_short"], 2, "ip_short")
    check_equal(drops["ip_hdr_len"], 3, "ip_hdr_len")
    check_equal(report["bytes_in"], 11, "bytes_in")


@case(raw=True, variants=AF_PACKET)
def bad_input_06_07_mss_and_scale(t):
    """MSS absent is 536, MSS 0 to 12 with timestamps has a floor; window scale 15 and more is 14"""
    server = t.server("--listen", "80=http")
    link = Link(t.lab)
    stamps = b"\x01\x01\x08\x0a" + struct.pack("!II", 1000, 0)
    for options, most in ((b"", 536), (b"\x02\x04\x00\x00", None), (b"\x02\x04\x00\x01", None),
            (b"\x02\x04\x00\x0c" + stamps, None), (b"\x02\x04\xff\xff", 1460),
            (Conn.MSS + b"\x01\x03\x03\x0f", 1460), (Conn.MSS + b"\x01\x03\x03\xff", 1460)):
        conn = Conn(link, 80, window=4)
        reply = conn.open(options=options, iss_acked=False)
        with_stamps = 8 in options_parse(reply.options)
        scaled = 3 in options_parse(reply.options)
        conn.window = 4 if scaled else 65535
        stamp = b""
        if with_stamps:
            echoed = options_parse(reply.options)[8][:4]
            stamp = b"\x01\x01\x08\x0a" + struct.pack("!I", 1001) + echoed
        conn.send(ACK, options=stamp)
        request = b"GET /2000 HTTP/1.0\r\n\r\n"
        conn.send(PSH | ACK, request, options=stamp)
        conn.nxt = seq_add(conn.nxt, len(request))
        answer, sizes = b"", []
        while True:
            packet = conn.expect(f"answer with options {options.hex()}", seconds=5)
            if packet.seq != conn.rcv:
                continue  # a lone FIN sent again
            answer += packet.payload
            sizes += [len(packet.payload)] if packet.payload else []
            conn.rcv = seq_add(conn.rcv, len(packet.payload) + bool(packet.flags & FIN))
            conn.send(ACK, options=stamp)
            if packet.flags & FIN:
                break
        check_equal(answer[-2000:], pattern(2000), "body")
        check(most is None or max(sizes) <= most, f"segments of {max(sizes)} with {options.hex()}")
        check(most is None or most > 1000 or max(sizes) == most, f"no segment of {most}")
        conn.send(FIN | ACK, options=stamp)
        conn.nxt = seq_add(conn.nxt, 1)
        conn.expect("ACK of our FIN", ACK, ack=conn.nxt)
    report = server.stop(drops={})
    check_equal(report["counters"]["wscale_clamped"], 2, "wscale_clamped")
    check_equal(report["closed"], 7, "closed")


@case(raw=True)
def bad_input_08_checksums(t):
    """Wrong checksums, IPv4's and TCP's: dropped, nothing else changes"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    spoilt = (0x0001, 0x8000, 0x0101)
    for xor in spoilt:
        for flags, payload in ((PSH | ACK, b"never"), (FIN | ACK, b""), (RST, b"")):
            conn.send(flags, payload, sum_xor=xor)
            conn.send(flags, payload, ip={"sum_xor": xor})
        Conn(link, 7).send(SYN, sum_xor=xor)
        Conn(link, 7).send(SYN, ip={"sum_xor": xor})
        Conn(link, 8).send(SYN, sum_xor=xor)  # no RST either
    body = struct.pack("!BBHHH", 8, 0, 0x1111, 1, 1)  # an echo request with a wrong checksum
    link.send_ip(build_ip(body, PROTO_ICMP))
    link.expect_nothing("wrong checksums")
    conn.echo(b"still here")
    conn.close_first()
    link.expect_nothing("the last ACK")
    server.stop(drops={"tcp_cksum": 5 * len(spoilt), "ip_cksum": 4 * len(spoilt), "icmp_bad": 1})


@case(raw=True, variants=AF_PACKET)
def bad_input_09_flags(t):
    """NULL, Xmas, SYN+FIN, SYN+RST, no ACK: discarded in LISTEN and on a connection"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    bad = (0, FIN | PSH | URG, SYN | FIN, SYN | RST, SYN | FIN | ACK, SYN | RST | ACK, FIN, PSH,
        URG, SYN | FIN | RST | PSH | ACK | URG)
    for flags in bad:
        conn.send(flags, b"never" if flags in (0, PSH) else b"", ack=conn.rcv)
        link.expect_nothing(f"{flag_text(flags)} in ESTABLISHED")
        Conn(link, 7).send(flags)
        came = link.barrier()
        # In LISTEN an ACK is judged before SYN and FIN: RST (RFC 9293 3.10.7.2)
        allowed = [RST] if flags & ACK and not flags & RST else []
        check_equal([p.flags for p in came], allowed, f"answer to {flag_text(flags)} in LISTEN")
    conn.echo(b"still here")
    conn.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"tcp_flags", "tcp_rst_unmatched", "tcp_no_conn"})
    check_equal(sum(report["drops"].values()), 2 * len(bad), "drops in all")
    check(report["drops"]["tcp_flags"] >= 2 * len(bad) - 4, f"tcp_flags: {report['drops']}")
    check_equal((report["accepted"], report["closed"]), (1, 1), "accepted and closed")


@case(raw=True, variants=AF_PACKET)
def bad_input_10_land(t):
    """Our own address, broadcast, multicast and loopback as source or target: dropped"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)

    def syn(src, dst=OUR_IP, sport=5000, mac=None):
        link.send_ip(build_ip(build_tcp(sport, 7, 1, 0, SYN, src=src, dst=dst), src=src, dst=dst),
            dst=mac)

    syn(OUR_IP, sport=7)
    syn(OUR_IP)
    link.expect_nothing("LAND")
    for source in ("255.255.255.255", "10.9.0.255", "224.0.0.1", "239.255.255.255", "127.0.0.1",
            "0.0.0.0"):
        syn(source)
        link.expect_nothing(f"SYN from {source}")
    for target in ("255.255.255.255", "10.9.0.255", "224.0.0.1", "10.9.0.3"):
        syn(PEER_IP, target)
        syn(PEER_IP, target, mac=b"\xff" * 6)
        link.expect_nothing(f"SYN to {target}")
    # our address in a frame to everybody, and in one to somebody else
    syn(PEER_IP, mac=b"\xff" * 6)
    link.expect_nothing("SYN in a broadcast frame")
    syn(PEER_IP, mac=bytes.fromhex("020000000999"))
    link.expect_nothing("SYN in a frame to another MAC")
    conn = Conn(link, 7)
    conn.open()
    conn.echo(b"still here")
    conn.close_first()
    report = server.stop(drops={"ip_land", "ip_src", "ip_not_ours", "eth_not_ours"})
    check_equal(report["drops"]["ip_land"], 2, "ip_land")
    check_equal(sum(report["drops"].values()), 18, "drops in all")
    check_equal(report["opened"], 1, "opened")


@case(raw=True, variants=AF_PACKET)
def bad_input_11_source_route(t):
    """IPv4 source routes are dropped silently, malformed options as well; others are skipped"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    route = bytes([7, 4]) + bytes([10, 9, 0, 2])
    routes = (b"\x83" + route + b"\0", b"\x89" + route + b"\0", b"\x01\x01\x83\x03\x04\0\0\0",
        b"\x94\x04\0\0\x83" + route + b"\0")
    malformed = (b"\x07\x00\x00\x00", b"\x07\x01\x00\x00", b"\x07\x05\x00\x00", b"\x01\x01\x01\x07")
    fine = (b"\x01\x01\x01\x00", b"\x94\x04\0\0", b"\x07\x07\x04\0\0\0\0\0", b"\0\0\0\0",
        b"\x44\x08\x05\0\0\0\0\0", b"\x01" * 40)
    for options in routes + malformed:
        Conn(link, 7).send(SYN, ip={"options": options})
        link.expect_nothing(f"SYN with IP options {options.hex()}")
    for options in fine:
        conn = Conn(link, 7)
        conn.send(SYN, ip={"options": options})
        conn.nxt = seq_add(conn.nxt, 1)
        conn.rcv = seq_add(conn.expect("SYN-ACK", SYN | ACK).seq, 1)
        conn.send(ACK, ip={"options": options})
        conn.send(PSH | ACK, b"hello", ip={"options": options})
        conn.nxt = seq_add(conn.nxt, 5)
        check_equal(conn.read(5), b"hello", "echo")
        conn.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"ip_source_route": len(routes), "ip_option": len(malformed)})
    check_equal(report["closed"], len(fine), "closed")


@case(raw=True, variants=AF_PACKET)
def bad_input_14_arp(t):
    """Bad ARP of every kind: no answer, no entry, no harm; a flood of senders as well"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    good = (1, RAW_MAC, PEER_IP, bytes(6), OUR_IP)
    for size in (0, 1, 8, 27):
        link.send(build_ether(b"\xff" * 6, link.mac, 0x0806, build_arp(*good)[:size], pad=False))
    for wrong in ({"htype": 6}, {"ptype": 0x86DD}, {"hlen": 0}, {"hlen": 5}, {"hlen": 255},
            {"plen": 0}, {"plen": 16}, {"plen": 255}):
        link.send_arp(build_arp(*good, **wrong))
    for op in (0, 3, 8, 65535):
        link.send_arp(build_arp(op, *good[1:]))
    for sender in (b"\xff" * 6, bytes.fromhex("01005e000001"), bytes(6)):
        link.send_arp(build_arp(1, sender, PEER_IP, bytes(6), OUR_IP))
    for source in ("224.0.0.1", "255.255.255.255", "127.0.0.1"):
        link.send_arp(build_arp(1, RAW_MAC, source, bytes(6), OUR_IP))
    link.send_arp(build_arp(*good), src=bytes.fromhex("010000000901"))
    link.expect_nothing("bad ARP")
    # somebody else claims our address: no answer to him, and nothing is learned
    thief = bytes.fromhex("020000000666")
    link.send_arp(build_arp(2, thief, OUR_IP, RAW_MAC, OUR_IP), src=thief)
    link.send_arp(build_arp(1, thief, OUR_IP, bytes(6), OUR_IP), src=thief)
    came = link.barrier()  # a defence of the address is allowed (RFC 5227)
    check(all(p.kind == "arp" and p.spa == OUR_IP for p in came), f"{[str(p) for p in came]}")
    conn.echo(b"still here")
    # nobody asked for this neighbour: when he is wanted, he is asked for
    link.send_arp(build_arp(2, thief, "10.9.0.50", mac(t), OUR_IP), dst=mac(t), src=thief)
    segment = build_tcp(6000, 7, 1, 0, SYN, src="10.9.0.50")
    link.send_ip(build_ip(segment, src="10.9.0.50"))
    link.expect("ARP request for 10.9.0.50", lambda p: p.kind == "arp" and p.op == 1
        and p.tpa == "10.9.0.50")
    link.send_arp(build_arp(2, RAW_MAC, "10.9.0.50", mac(t), OUR_IP), dst=mac(t))
    reply = link.expect_tcp("SYN-ACK to 10.9.0.50", lambda p: p.flags == SYN | ACK
        and p.dst == "10.9.0.50")
    check_equal(reply.eth_dst, RAW_MAC, "where the SYN-ACK went")
    link.send_ip(build_ip(build_tcp(6000, 7, reply.ack, 0, RST, src="10.9.0.50"), src="10.9.0.50"))
    # many senders, none of whom gets an entry that would push the peer's out
    for i in range(5000):
        address = f"10.9.{i >> 8}.{i & 255}"
        sender = bytes([2, 1]) + struct.pack("!I", i)
        link.send_arp(build_arp(2 if i % 2 else 1, sender, address, bytes(6),
            OUR_IP if i % 4 < 2 else "10.9.0.77"), src=sender)
        if i % 100 == 99:
            link.barrier()
    conn.echo(b"still here after all that")
    conn.close_first()
    report = server.stop(drops={"arp_bad", "arp_not_ours", "arp_unsolicited", "tcp_no_conn",
        "tcp_rst_unmatched", "eth_not_ours"})
    check(report["drops"]["arp_bad"] >= 22, f"arp_bad: {report['drops']['arp_bad']}")
    check(report["counters"]["arp_out"] < 2600 + 250, f"arp_out: {report['counters']['arp_out']}")


def mac(t):
    return bytes.fromhex(t.lab.our_mac.replace(":", ""))


# --- BAD-INPUT: sequence numbers and state --------------------------------------------------------


@case(raw=True, variants=AF_PACKET)
def bad_input_17_overlap(t):
    """Old data overlaps new, in order and out of order: the reader gets each byte once"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open()
    data = os.urandom(5000)
    start = conn.nxt

    def part(first, last):
        conn.send(PSH | ACK, data[first:last], seq=start + first)
        conn.nxt = seq_add(start, max(last, (conn.nxt - start) & 0xFFFFFFFF))

    def echoed(first, last):
        check_equal(conn.read(last - first), data[first:last], f"echo of {first} to {last}")

    part(0, 700)
    echoed(0, 700)
    part(0, 1400)
    echoed(700, 1400)
    part(0, 700)  # all of it old: an ACK and nothing else
    conn.expect("ACK of old data", ACK, payload=b"", ack=seq_add(start, 1400))
    # out of order, with overlaps: 3000-4000, 2500-3500, 2000-4200, 4100-5000, then the gap
    for first, last in ((3000, 4000), (2500, 3500), (2900, 4200), (4100, 5000), (1900, 2600)):
        part(first, last)
        conn.expect(f"duplicate ACK for {first} to {last}", ACK, payload=b"",
            ack=seq_add(start, 1400))
    part(1300, 2000)
    echoed(1400, 5000)
    conn.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"tcp_duplicate", "tcp_seq"})
    check_equal(report["bytes_in"], 5000, "bytes_in")


@case(raw=True, variants=AF_PACKET)
def bad_input_19_ghost_acks(t):
    """An ACK of what was never sent: ACK on a connection, RST in SYN-RECEIVED, no state change"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)
    conn = Conn(link, 7)
    conn.open(iss_acked=False)
    for ahead in (1, 5, 0x7FFFFFFF, 0xFFFFFFFF):
        wrong = seq_add(conn.rcv, ahead)
        conn.send(ACK, ack=wrong)
        conn.expect(f"RST for ISS+1+{ahead:#x} in SYN-RECEIVED", RST, seq=wrong)
    conn.send(ACK)
    conn.echo(b"established nevertheless")
    conn.send(PSH | ACK, b"never", ack=seq_add(conn.rcv, 1))
    conn.expect("ACK for an ACK of data never sent", ACK, seq=conn.rcv, ack=conn.nxt, payload=b"")
    conn.echo(b"still here")
    conn.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"tcp_ack_unsent": 5})
    check_equal(report["closed"], 1, "closed")


@case(raw=True, variants=AF_PACKET)
def bad_input_21_22_blind(t):
    """Blind RST and SYN: challenge ACK inside the window, nothing outside, closed when exact"""
    server = t.server("--listen", "7=echo")
    link = Link(t.lab)

    def opened():
        conn = Conn(link, 7)
        conn.open()
        conn.echo(b"hello")
        return conn

    conn = opened()
    for offset in (-1, -100000, 1 << 30):
        conn.send(RST, seq=conn.nxt + offset)
    link.expect_nothing("RST outside the window")
    conn.send(RST, seq=conn.nxt + 1)
    conn.expect("challenge ACK for a RST", ACK, seq=conn.rcv, ack=conn.nxt)
    other = opened()
    other.send(SYN, seq=other.nxt + 10, options=Conn.MSS)
    other.expect("challenge ACK for a SYN", ACK, seq=other.rcv, ack=other.nxt)
    # 100 spoofed RSTs on one connection: few answers, and another connection has its own quota
    for i in range(100):
        conn.send(RST, seq=conn.nxt + 2 + i)
    came = [p for p in link.barrier() if conn.mine(p)]
    check(len(came) <= 10, f"{len(came)} challenge ACKs for 100 RSTs")
    third = opened()
    third.send(RST, seq=third.nxt + 1)
    third.expect("challenge ACK on another connection", ACK, seq=third.rcv, ack=third.nxt)
    for each in (conn, other, third):
        each.echo(b"still here")
    conn.send(RST, seq=conn.nxt)
    other.send(RST | ACK, seq=other.nxt)
    link.expect_nothing("exact RST")
    conn.send(PSH | ACK, b"gone")
    conn.expect("RST of a connection that is gone", RST, seq=conn.rcv)
    third.close_first()
    link.expect_nothing("the last ACK")
    report = server.stop(drops={"tcp_rst_challenged", "tcp_syn_challenged", "tcp_seq",
        "tcp_no_conn"})
    check_equal(report["reasons"]["reset"], 2, "ended as reset")
    check_equal(report["reasons"]["done"], 1, "ended as done")
    check_equal(report["drops"]["tcp_rst_challenged"], 102, "tcp_rst_challenged")
    check_equal(report["drops"]["tcp_syn_challenged"], 1, "tcp_syn_challenged")


@case(raw=True, variants=AF_PACKET)
def bad_input_28_zero_window(t):
    """A window of 0 holds data and FIN back; it is probed, and everything comes when it opens"""
    server = t.server("--listen", "80=http")
    link = Link(t.lab)
    conn = Conn(link, 80)
    conn.open()
    conn.window = 0
    conn.write(b"GET /3000 HTTP/1.0\r\n\r\n")
    # nothing but ACKs and probes of at most one byte until the window opens
    first = None
    for _ in range(8):
        packet = conn.expect("ACK or window probe", seconds=5)
        check(len(packet.payload) <= 1 and not packet.flags & FIN, f"into a window of 0: {packet}")
        if packet.payload or packet.seq != conn.rcv:
            conn.send(ACK)  # the probe is refused
            if first is not None:
                break
            first = packet
    check(first is not None, "no window probe")
    conn.window = 65535
    conn.send(ACK)
    answer = b""
    while True:
        packet = conn.expect("answer")
        if packet.seq == conn.rcv:
            answer += packet.payload
            conn.rcv = seq_add(conn.rcv, len(packet.payload) + bool(packet.flags & FIN))
            conn.send(ACK)
            if packet.flags & FIN:
                break
    check_equal(answer[-3000:], pattern(3000), "body")
    conn.send(FIN | ACK)
    conn.nxt = seq_add(conn.nxt, 1)
    conn.expect("ACK of our FIN", ACK, ack=conn.nxt)
    report = server.stop(drops={})
    check(report["counters"]["window_probes"] >= 1, "window_probes")
    check_equal(report["reasons"]["done"], 1, "ended as done")
