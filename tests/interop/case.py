# SPDX-License-Identifier: BSD-3-Clause
"""The cases' registry, and what a case is given: `t`."""

import os
import signal
import subprocess

from capture import Capture
from kernel import Kernel
from lab import SCALE, Failed, Lab, check

PLAIN = ("af_packet", "tap")
VARIANTS = (*PLAIN, "relay")
CASES = {}  # full name: Case


class Case:
    def __init__(self, run, variant, options):
        self.run = run
        self.variant = variant
        self.options = options
        # Only one variant has a relay, and its cases are many: they do without the suffix.
        self.name = run.__name__ if variant == "relay" else f"{run.__name__}_{variant}"
        self.text = run.__doc__.strip().split("\n")[0]


def case(run=None, *, variants=PLAIN, raw=False, lossless=None, capture_limit=48 << 20,
        seconds=60, relay=()):
    """Register a function as a case, once for each variant.

    raw: no kernel at the peer's end. lossless (unless raw): tshark may not see lost segments.
    seconds: its bound. relay: options of the variant of that name.
    """
    def register(function):
        options = {"raw": raw, "lossless": not raw if lossless is None else lossless,
            "capture_limit": capture_limit,
            "seconds": seconds, "relay": relay}
        for variant in variants:
            new = Case(function, variant, options)
            assert new.name not in CASES
            CASES[new.name] = new
        return function

    return register(run) if run is not None else register


class Test:
    """One run of a case."""

    def __init__(self, which, program, relay, directory):
        self.case = which
        self.directory = directory
        self.lab = Lab(which.variant, program, directory, which.options["raw"], relay,
            which.options["relay"])
        self.kernel = Kernel(self.lab)
        self.capture = Capture(self.lab, os.path.join(directory, "capture.pcap"),
            which.options["capture_limit"])
        self.lab.when_up(self.capture.start_on)
        self.notes = []

    def server(self, *options):
        return self.lab.server(*options)

    def client(self, *options):
        return self.lab.client(*options)

    def note(self, text):
        self.notes.append(text)

    def stream(self, *argv):
        """What a command in the peer's namespace writes, in blocks; its status must be 0."""
        with subprocess.Popen(self.lab.peer.argv(argv), stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE) as popen:
            try:
                while True:
                    block = popen.stdout.read(1 << 18)
                    if not block:
                        break
                    yield block
            finally:
                if popen.poll() is None and popen.stdout.peek(1):
                    popen.kill()
        check(popen.returncode == 0, f"{argv[0]}: status {popen.returncode}")

    def run(self):
        def too_long(number, frame):
            raise Failed(f"still running after {self.case.options['seconds']} s")

        before = signal.signal(signal.SIGALRM, too_long)
        signal.setitimer(signal.ITIMER_REAL, self.case.options["seconds"] * SCALE)
        try:
            self.case.run(self)
            running = [p.label for p in self.lab.processes if not p.done]
            check(not running, f"the case left running: {', '.join(running)}")
            self.capture.stop()
            self.note(self.capture.verdict(peer_is_clean=not self.case.options["raw"],
                lossless=self.case.options["lossless"]))
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, before)

    def close(self):
        """Processes first, so that nothing keeps the namespaces."""
        self.lab.close()
        self.capture.stop()
        self.kernel.close()
        for process in self.lab.processes:
            path = os.path.join(self.directory, process.label.replace(" ", "-") + ".log")
            with open(path, "w", encoding="utf-8") as f:
                f.write(process.text() + "\n")
