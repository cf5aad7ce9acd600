# SPDX-License-Identifier: BSD-3-Clause
"""Every frame at the peer's device, live and as a pcap file, and tshark's verdict on it."""

import select
import socket
import struct
import subprocess
import threading
import time

from lab import SCALE, Failed, check, until
from rawpeer import ETH_ALL, PACKET_OUTGOING, Packet

SOL_PACKET, PACKET_STATISTICS = 263, 6
SO_TIMESTAMPNS, SCM_TIMESTAMPNS = 35, 35
SO_RCVBUFFORCE = 33
BAD, GOOD, UNVERIFIED = "0", "1", "2"  # tshark's checksum.status
SEVERITY_ERROR = 0x00800000

# What may not be seen where nothing is lost, and what a slow machine may cause: reported only.
NEVER_WITHOUT_LOSS = ("lost_segment", "ack_lost_segment")
SWAPPED_MAX = 2  # but two frames may have changed places between the kernel's CPUs
REPORTED = ("retransmission", "fast_retransmission", "spurious_retransmission", "out_of_order",
    "duplicate_ack", "zero_window", "zero_window_probe", "keep_alive")


class Capture(threading.Thread):
    """Begins with start_on(); ends with stop() or when `limit` bytes are written."""

    def __init__(self, lab, path, limit=48 << 20):
        super().__init__(daemon=True)
        self.lab = lab
        self.path = path
        self.limit = limit
        self.packets = []
        self.written = 0
        self.lost = 0
        self.full = False
        self.socket = None
        self.stopping = False
        self.lock = threading.Lock()  # of the socket's contents: packets and the file
        self.file = open(path, "wb")
        self.file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 262144, 1))

    def start_on(self):
        """To be called when the device is up."""
        new = self._open()
        if self.socket is None:
            self.socket = new
            self.start()
            return
        self._drain()  # that of a device which is gone: another polltcp made this one
        with self.lock:
            self.socket.close()
            self.socket = new

    def _open(self):
        with self.lab.peer.inside():
            new = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
        new.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 128 << 20)
        new.setsockopt(socket.SOL_SOCKET, SO_TIMESTAMPNS, 1)
        new.setblocking(False)
        new.bind((self.lab.device, ETH_ALL))
        return new

    def run(self):
        while not self.stopping and not self.full:
            try:
                ready = select.select([self.socket], [], [], 0.05)[0]
            except (OSError, ValueError):
                continue  # another device's socket has taken its place
            if ready and not self._drain():
                time.sleep(0.01)  # the device is down or gone

    def _drain(self):
        """Take all that has come. False: the socket has an error."""
        with self.lock:
            while not self.full:
                try:
                    frame, control, _, address = self.socket.recvmsg(65536, 128)
                except BlockingIOError:
                    break
                except OSError:
                    return False
                self._take(frame, control, address[2] == PACKET_OUTGOING)
        return True

    def _take(self, frame, control, outgoing):
        when = 0.0
        for level, kind, data in control:
            if level == socket.SOL_SOCKET and kind == SCM_TIMESTAMPNS:
                seconds, nanos = struct.unpack("qq", data[:16])
                when = seconds + nanos / 1e9
                self.file.write(struct.pack("<IIII", seconds, nanos // 1000, len(frame),
                    len(frame)))
        self.file.write(frame)
        self.packets.append((when, outgoing, frame))
        self.written += len(frame)
        self.full = self.written >= self.limit

    def find(self, wanted):
        """Every Packet so far for which wanted() is true; `outgoing` ones are the peer's."""
        self._drain()
        found = []
        for when, outgoing, frame in list(self.packets):
            packet = Packet(frame, when, outgoing)
            if wanted(packet):
                found.append(packet)
        return found

    def find_tcp(self, wanted):
        return self.find(lambda p: p.kind == "tcp" and wanted(p))

    def wait_tcp(self, what, wanted, count=1, seconds=5):
        """Wait until there are so many; all of them."""
        return until(lambda: (lambda f: f if len(f) >= count else None)(self.find_tcp(wanted)),
            seconds, what)

    def stop(self):
        """Nothing more; what came until now is in the file."""
        if self.file.closed:
            return
        self.stopping = True
        if self.is_alive():
            self.join(10)
        if self.socket is not None:
            self._drain()
            _, self.lost = struct.unpack("II", self.socket.getsockopt(SOL_PACKET,
                PACKET_STATISTICS, 8))
            self.socket.close()
        self.file.close()

    # --- the verdict ------------------------------------------------------------------------------

    def verdict(self, peer_is_clean=True, lossless=True):
        """Raise Failed for a malformed frame or a wrong checksum; else one line says what was seen.

        peer_is_clean: the peer's frames must be right as well, a kernel's are and a script's not.
        """
        analysis = NEVER_WITHOUT_LOSS + REPORTED
        fields = ["frame.number", "ip.checksum.status", "tcp.checksum.status", "tcp.checksum",
            "icmp.checksum.status", "_ws.malformed", "_ws.expert.severity",
            "_ws.expert.message"] + [f"tcp.analysis.{name}" for name in analysis]
        rows = self._tshark(fields)
        check(rows, "the capture is empty")
        counts = dict.fromkeys(analysis, 0)
        wrong = []
        good = ours = 0
        for row in rows:
            value = dict(zip(fields, row))
            # not by its MAC: net_tap gives its own to the kernel's end as well
            own = not self.packets[int(value["frame.number"]) - 1][1]
            ours += own
            for name in analysis:
                counts[name] += value[f"tcp.analysis.{name}"] != ""
            if own or peer_is_clean:
                wrong += self._frame_faults(value, own)
                good += value["tcp.checksum.status"] == GOOD
        if lossless and not self.full and self.lost == 0:
            wrong += [f"{counts[name]} x {name} though nothing was lost"
                for name in NEVER_WITHOUT_LOSS if counts[name] > SWAPPED_MAX]
        check(not wrong, f"{self.path}: tshark finds:\n  " + "\n  ".join(wrong[:20]))
        check(ours > 0, f"{self.path}: no frame from polltcp")
        noted = ", ".join(f"{n} {name}" for name, n in counts.items() if n)
        return (f"capture: {len(rows)} frames, {good} TCP checksums verified"
            + (f", {self.lost} not captured" if self.lost else "")
            + (", cut off" if self.full else "") + (f"; {noted}" if noted else ""))

    @staticmethod
    def _frame_faults(value, own):
        number = value["frame.number"]
        found = []
        # Linux writes the sum 0 as 0xffff at times: no fault, and not ours, though tshark says so.
        minus_zero = value["tcp.checksum"] == "0xffff" and not own
        for name in ("ip", "tcp", "icmp"):
            # a comma: the status of the packet that an ICMP error quotes stands behind
            status = value[f"{name}.checksum.status"].split(",")[0]
            if status == BAD and not (name == "tcp" and minus_zero):
                found.append(f"frame {number}: wrong {name} checksum")
            if status == UNVERIFIED and name != "icmp":
                found.append(f"frame {number}: {name} checksum not verified")
        if value["_ws.malformed"]:
            found.append(f"frame {number}: malformed")
        severities = [int(s) for s in value["_ws.expert.severity"].split(",") if s]
        malformed_option = "option length should be" in value["_ws.expert.message"]
        if malformed_option or (SEVERITY_ERROR in severities and not minus_zero):
            found.append(f"frame {number}: {value['_ws.expert.message']}")
        return found

    def _tshark(self, fields):
        argv = ["tshark", "-n", "-r", self.path, "-o", "tcp.check_checksum:TRUE", "-o",
            "ip.check_checksum:TRUE", "-o", "tcp.desegment_tcp_streams:FALSE", "-T", "fields",
            "-E", "separator=/t"]
        # Payload is not looked into: random bytes are malformed in one protocol or the other.
        for port in (7, 8, 9, 19, 80):
            argv += ["-d", f"tcp.port=={port},data"]
        for field in fields:
            argv += ["-e", field]
        try:
            done = subprocess.run(argv, capture_output=True, text=True, check=False,
                timeout=120 * SCALE)
        except subprocess.TimeoutExpired:
            raise Failed("tshark does not come to an end") from None
        check(done.returncode == 0, f"tshark: status {done.returncode}: {done.stderr[-400:]}")
        rows = [line.split("\t") for line in done.stdout.splitlines()]
        for row in rows:
            check(len(row) == len(fields), f"tshark: unexpected line {row}")
        return rows
