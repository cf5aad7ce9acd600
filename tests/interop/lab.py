# SPDX-License-Identifier: BSD-3-Clause
"""What a case runs in: network namespaces, devices and processes, all of which end with us.

A namespace has no name: it lives as long as a descriptor of ours, so that nothing is left behind
even after SIGKILL. Children are killed by the kernel when we die.
"""

import contextlib
import ctypes
import fcntl
import json
import os
import re
import shutil
import signal
import socket
import struct
import subprocess
import threading
import time

CLONE_NEWNET = 0x40000000
# A slow machine or a sanitizer build multiplies every bound (none of the times that are measured).
SCALE = float(os.environ.get("POLLTCP_INTEROP_SCALE", "1"))
PEER_IP = "10.9.0.1"
OUR_IP = "10.9.0.2"
PREFIX = 24
# What polltcp drops for good reason when frames are lost, come twice or in another order: what it has
# already, what lies outside the window, and what comes for a connection that has ended.
TROUBLED = {"tcp_duplicate", "tcp_seq", "tcp_paws", "tcp_syn_challenged", "tcp_no_conn",
    "tcp_rst_unmatched", "tcp_timewait_old", "tcp_timewait_rst", "arp_unsolicited"}
TOOLS = ("ip", "ethtool", "ss", "curl", "nc", "tshark", "nsenter", "setpriv")

_libc = ctypes.CDLL(None, use_errno=True)


class Failed(Exception):
    """The case has failed: what, in one line or several."""


class Skipped(Exception):
    """The case cannot run here: why."""


def check(truth, text):
    if not truth:
        raise Failed(text)


def check_equal(got, wanted, what):
    if got != wanted:
        raise Failed(f"{what}: {got!r} instead of {wanted!r}")


def until(condition, seconds, what):
    """Ask again and again until the answer is true; return it. `what` may be a function."""
    end = time.monotonic() + seconds * SCALE
    while True:
        answer = condition()
        if answer:
            return answer
        if time.monotonic() > end:
            text = what() if callable(what) else what
            raise Failed(f"not within {seconds:g} s: {text}")
        time.sleep(0.01)


# --- namespaces -----------------------------------------------------------------------------------


def _syscall(name, *args):
    if getattr(_libc, name)(*args) != 0:
        error = ctypes.get_errno()
        raise OSError(error, f"{name}: {os.strerror(error)}")


def _own_netns():
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


class Namespace:
    def __init__(self):
        home = _own_netns()
        try:
            _syscall("unshare", CLONE_NEWNET)
            try:
                self.fd = _own_netns()
                self._sysctls()
            finally:
                _syscall("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)
        self.run("ip", "link", "set", "lo", "up")

    @staticmethod
    def _sysctls():
        """IPv4 alone, and no waiting between one case's connections and the next."""
        for name in ("all", "default"):
            path = f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6"
            if os.path.exists(path):
                with open(path, "w", encoding="ascii") as f:
                    f.write("1")

    @property
    def path(self):
        return f"/proc/{os.getpid()}/fd/{self.fd}"

    @contextlib.contextmanager
    def inside(self):
        """The calling thread works in the namespace: what it makes there (sockets) stays there."""
        home = _own_netns()
        try:
            _syscall("setns", self.fd, CLONE_NEWNET)
            try:
                yield
            finally:
                _syscall("setns", home, CLONE_NEWNET)
        finally:
            os.close(home)

    def argv(self, argv):
        return ["setpriv", "--pdeathsig", "KILL", "nsenter", f"--net={self.path}", *argv]

    def run(self, *argv, seconds=30, good=(0,), stdin=b""):
        """Run a short command to its end; its stdout."""
        try:
            done = subprocess.run(self.argv(argv), input=stdin, capture_output=True,
                timeout=seconds * SCALE, check=False)
        except subprocess.TimeoutExpired as e:
            raise Failed(f"{' '.join(argv)}: still running after {seconds:g} s, said "
                f"{(e.stdout or b'')[-200:]!r} {(e.stderr or b'')[-200:]!r}") from None
        if done.returncode not in good:
            raise Failed(f"{' '.join(argv)}: status {done.returncode}: "
                f"{done.stderr.decode(errors='replace').strip()}")
        return done.stdout

    def sysctl(self, name, value):
        with self.inside(), open("/proc/sys/net/" + name, "w", encoding="ascii") as f:
            f.write(str(value))

    def devices(self):
        out = self.run("ip", "-o", "link", "show").decode()
        return [re.match(r"\d+: ([^:@]+)", line)[1] for line in out.splitlines()]

    def mac(self, device):
        out = self.run("ip", "-o", "link", "show", "dev", device).decode()
        return re.search(r"link/ether ([0-9a-f:]{17})", out)[1]

    def dropped(self, device):
        """Frames that should have gone out and that the device lost by itself."""
        out = self.run("ip", "-json", "-s", "link", "show", "dev", device)
        return json.loads(out)[0]["stats64"]["tx"]["dropped"]

    def offloads_off(self, device):
        """Checksums are filled in and checked by those who are tested; segments stay segments."""
        self.run("ethtool", "-K", device, "tx", "off", "rx", "off", "gso", "off", "tso", "off",
            "gro", "off", good=(0, 1))
        out = self.run("ethtool", "-k", device).decode()
        for feature in ("tx-checksumming", "tcp-segmentation-offload",
                "generic-segmentation-offload", "generic-receive-offload"):
            check(f"{feature}: off" in out, f"{device}: {feature} cannot be switched off")

    def close(self):
        os.close(self.fd)


# --- processes ------------------------------------------------------------------------------------


class Process:
    """A child whose lines are read as they come."""

    def __init__(self, label, argv, namespace, stdin=subprocess.DEVNULL):
        self.label = label
        self.lines = []  # (monotonic time, text)
        self.changed = threading.Condition()
        self.popen = subprocess.Popen(namespace.argv(argv), stdin=stdin,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()

    def _read(self):
        for line in self.popen.stdout:
            with self.changed:
                text = line.decode(errors="replace").rstrip("\n")
                self.lines.append((time.monotonic(), text))
                self.changed.notify_all()
        with self.changed:
            self.lines.append((time.monotonic(), None))  # the end
            self.changed.notify_all()

    def text(self):
        return "\n".join(text for _, text in self.lines if text is not None)

    def wait_line(self, pattern, seconds, start=0):
        """The first line from number `start` on in which the pattern is found: its match."""
        end = time.monotonic() + seconds * SCALE
        with self.changed:
            while True:
                while start < len(self.lines):
                    text = self.lines[start][1]
                    if text is None:
                        raise Failed(f"{self.label} ended without saying /{pattern}/:\n"
                            f"{self.text()}")
                    found = re.search(pattern, text)
                    if found:
                        return found
                    start += 1
                left = end - time.monotonic()
                if left <= 0:
                    raise Failed(f"{self.label} did not say /{pattern}/ within {seconds:g} s:\n"
                        f"{self.text()}")
                self.changed.wait(left)

    def running(self):
        return self.popen.poll() is None

    def signal(self, number):
        if self.running():
            self.popen.send_signal(number)

    def wait(self, seconds):
        """The exit status."""
        try:
            status = self.popen.wait(seconds * SCALE)
        except subprocess.TimeoutExpired:
            raise Failed(f"{self.label} still runs after {seconds:g} s:\n{self.text()}") from None
        self.reader.join(5)
        return status

    def kill(self):
        if self.running():
            self.popen.kill()
            self.popen.wait()


class Polltcp(Process):
    """The program in one of its modes; its report is read at the end."""

    def __init__(self, label, argv, namespace, report_path, drops_if_slow):
        self.report_path = report_path
        self.drops_if_slow = drops_if_slow
        self.done = False  # finish() was called, or the case does without
        super().__init__(label, argv, namespace)

    def stats(self):
        """The lines of counters so far: (monotonic time, open, TIME-WAIT)."""
        found = []
        with self.changed:
            lines = list(self.lines)
        for when, text in lines:
            m = re.match(r" *[\d.]+s((?: +[\d,]+){8})(?: |$)", text or "")
            if m:
                columns = [int(c.replace(",", "")) for c in m[1].split()]
                found.append((when, columns[4], columns[7]))
        return found

    def finish(self, status=0, seconds=15, drops=()):
        """Wait for its end; the report, with what must always be true of it checked.

        drops: reasons for which packets may have been dropped; as {reason: number}, just these.
        """
        self.done = True
        got = self.wait(seconds)
        check(got == status, f"{self.label} ended with {got} instead of {status}:\n{self.text()}")
        try:
            with open(self.report_path, encoding="utf-8") as f:
                report = json.load(f)
        except (OSError, ValueError) as e:
            raise Failed(f"{self.label} wrote no usable report: {e}\n{self.text()}") from None
        check_equal(report["leaked"], 0, f"{self.label}: leaked")
        dropped = {reason: n for reason, n in report["drops"].items() if n != 0}
        if isinstance(drops, dict):
            check_equal(dropped, drops, f"{self.label}: drops")
        unexpected = dropped.keys() - set(drops) - self.drops_if_slow
        check(not unexpected, f"{self.label}: unexpected drops: {dropped}")
        return report

    def stop(self, **more):
        """SIGINT, then as finish()."""
        self.signal(signal.SIGINT)
        return self.finish(**more)


# --- the lab --------------------------------------------------------------------------------------


class Relay(Process):
    """The bad link between two tap devices (relay.c): one in polltcp's namespace, one the peer's."""

    def __init__(self, program, ours, peer, report_path, options):
        self.report_path = report_path
        super().__init__("relay", [program, "--a", f"relay0@{ours.path}", "--b",
            f"relay1@{peer.path}", "--json", report_path, *options], ours)

    def finish(self):
        """Stop it; what it did with the frames of both directions."""
        self.signal(signal.SIGINT)
        check_equal(self.wait(10), 0, f"the relay's exit status:\n{self.text()}")
        with open(self.report_path, encoding="utf-8") as f:
            return json.load(f)


class Lab:
    """polltcp at one end of a link, the kernel or a raw socket in namespace `peer` at the other.

    af_packet: veth, one end in a namespace with polltcp, the other in the peer's.
    tap: polltcp makes the device, in the peer's namespace.
    relay: two tap devices with a bad link between them, in namespaces as with veth.
    """

    def __init__(self, variant, program, directory, raw=False, relay=None, relay_options=()):
        self.variant = variant
        self.program = program
        self.directory = directory
        self.raw = raw  # no kernel at the peer's end: no address there, so it says nothing
        self.processes = []
        self.on_device = []  # called when the peer's device is up, before it has an address
        self.device_is_up = False
        self.seen_at_our_end = False  # captures are made there as well
        self.peer = Namespace()
        self.ours = self.peer if variant == "tap" else Namespace()
        self.device = {"af_packet": "veth1", "tap": "tap0", "relay": "relay1"}[variant]
        self.our_device = {"af_packet": "veth0", "tap": None, "relay": "relay0"}[variant]
        self.our_mac = None
        self.relay = None
        if variant == "af_packet":
            self._make_veth()
        elif variant == "relay":
            self._make_relay(relay, relay_options)

    def _make_veth(self):
        self.ours.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
        self.ours.run("ip", "link", "set", "veth1", "netns", self.peer.path)
        self.ours.offloads_off("veth0")
        self.ours.run("ip", "link", "set", "veth0", "up")
        self._set_up_device()

    def _make_relay(self, program, options):
        self.relay = Relay(program, self.ours, self.peer,
            os.path.join(self.directory, "relay.json"), options)
        self.processes.append(self.relay)
        self.relay.wait_line("Relaying", 10)
        self.relay.done = True  # it ends with us
        self.ours.offloads_off(self.our_device)
        self.ours.run("ip", "link", "set", self.our_device, "up")
        self._set_up_device()

    def _set_up_device(self):
        self.peer.offloads_off(self.device)
        self.peer.run("ip", "link", "set", self.device, "up")
        self.device_is_up = True
        for call in self.on_device:
            call()
        if not self.raw:
            self.peer.run("ip", "addr", "add", f"{PEER_IP}/{PREFIX}", "dev", self.device)

    def when_up(self, call):
        """Have it called whenever the peer's device has been made."""
        self.on_device.append(call)
        if self.device_is_up:
            call()

    def vdev(self):
        if self.variant == "tap":
            return f"--vdev=net_tap0,iface={self.device}"
        # Captures at our own end see what is sent only if it does not bypass the kernel's queue.
        bypass = ",qdisc_bypass=0" if self.seen_at_our_end else ""
        return f"--vdev=net_af_packet0,iface={self.our_device}{bypass}"

    def polltcp(self, mode, *options):
        """Start it; back when its port is up and the peer's end has its address."""
        label = f"polltcp {mode} #{len(self.processes) + 1}"
        report = os.path.join(self.directory, f"report-{len(self.processes) + 1}.json")
        # The default of the app is to poll all the time; a test machine has other things to do.
        argv = [self.program, self.vdev(), "--", mode, "--addr", f"{OUR_IP}/{PREFIX}",
            "--idle-sleep", "20us", "--json", report, *options]
        # A kernel that waits 200 ms for a polltcp without a CPU sends again.
        slow = set() if self.raw else {"tcp_duplicate", "tcp_seq"}
        if self.relay is not None:
            slow |= TROUBLED
        process = Polltcp(label, argv, self.ours, report, slow)
        self.processes.append(process)
        if self.variant == "tap":
            until(lambda: not process.running() or self.device in self.peer.devices(), 20,
                "the tap device")
            if process.running():
                self._set_up_device()
        self.our_mac = process.wait_line(r"MAC ((?:[0-9a-f]{2}:){5}[0-9a-f]{2})", 20)[1]
        return process

    def server(self, *options):
        process = self.polltcp("server", *options)
        process.wait_line("Serving on", 20)
        return process

    def client(self, *options):
        return self.polltcp("client", *options)

    def close(self):
        for process in self.processes:
            process.kill()


def check_environment(variants):
    """Raise Skipped where this machine cannot run the cases."""
    if os.geteuid() != 0:
        raise Skipped("not root")
    missing = [tool for tool in TOOLS if shutil.which(tool) is None]
    if missing:
        raise Skipped(f"not installed: {', '.join(missing)}")
    try:
        with contextlib.closing(Namespace()) as namespace:
            if "af_packet" in variants:
                namespace.run("ip", "link", "add", "veth0", "type", "veth", "peer", "name", "veth1")
                with namespace.inside():
                    socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0).close()
    except OSError as e:
        raise Skipped(f"no network namespaces: {e}") from None
    except Failed as e:
        raise Skipped(f"no veth devices: {e}") from None
    if {"tap", "relay"} & variants:
        try:
            fd = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
        except OSError as e:
            raise Skipped(f"no tap devices: {e}") from None
        try:
            with contextlib.closing(Namespace()) as namespace, namespace.inside():
                # TUNSETIFF with IFF_TAP | IFF_NO_PI
                fcntl.ioctl(fd, 0x400454CA, struct.pack("16sH22x", b"tap0", 0x1002))
        except OSError as e:
            raise Skipped(f"no tap devices: {e}") from None
        finally:
            os.close(fd)
