#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""polltcp against the Linux kernel and against a scripted peer, over veth, over tap and over a bad link.

    tests/interop/run.py --list
    tests/interop/run.py --case http_small_af_packet --keep
    tests/interop/run.py                               # all of them

Each case makes network namespaces of its own, which are gone when it ends, whatever way. Needs
root. The exit status is 0 (passed), 1 (failed) or 77 (cannot run here; the last line says why).
"""

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
import traceback

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))

# pylint: disable=wrong-import-position,unused-import
import cases_kernel  # noqa: E402,F401
import cases_loss  # noqa: E402,F401
import cases_raw  # noqa: E402,F401
from case import CASES, VARIANTS, Test  # noqa: E402
from lab import Failed, Skipped, check_environment  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.path.join(ROOT, "build", "app", "polltcp")
RELAY = os.path.join(ROOT, "build", "tests", "interop", "relay")
SKIP = 77


def run_case(which, args):
    """Run one case and print its result; true if it passed."""
    directory = tempfile.mkdtemp(prefix=f"polltcp-{which.name}-")
    began = time.monotonic()
    test = None
    failure = "interrupted"
    try:
        test = Test(which, args.program, args.relay, directory)
        test.run()
        failure = None
    except Failed as e:
        failure = str(e)
    except Exception:  # pylint: disable=broad-exception-caught
        failure = traceback.format_exc()
    finally:
        if test is not None:
            if args.hold and failure != "interrupted":
                hold(test)
            test.close()
        if not args.keep and failure in (None, "interrupted"):
            shutil.rmtree(directory)
    show(which, test, failure, time.monotonic() - began)
    if os.path.exists(directory):
        print(f"  logs, report and capture: {directory}")
    sys.stdout.flush()
    return not failure


def show(which, test, failure, seconds):
    print(f"{'FAILED' if failure else 'ok'} {which.name} ({seconds:.1f} s)")
    for note in test.notes if test else []:
        print(f"  {note}")
    if not failure:
        return
    print("  " + failure.rstrip().replace("\n", "\n  "))
    for process in test.lab.processes if test else []:
        tail = process.text().splitlines()[-25:]
        print(f"  {process.label} said:\n    " + "\n    ".join(tail))


def hold(test):
    print(f"Held until Ctrl-C. The peer's namespace: nsenter --net={test.lab.peer.path}\n"
        f"polltcp's: nsenter --net={test.lab.ours.path}", flush=True)
    try:
        signal.pause()
    except KeyboardInterrupt:
        print()


def parse():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--list", action="store_true", help="print the cases and what they show")
    parser.add_argument("--names", action="store_true", help="print the cases' names")
    parser.add_argument("--case", action="append", metavar="NAME", default=[],
        help="run this one; a name without _af_packet or _tap is both. May stand several times")
    parser.add_argument("--variant", choices=VARIANTS, help="only over this one")
    parser.add_argument("--keep", action="store_true",
        help="keep the directory with logs, report and capture (kept anyway on failure)")
    parser.add_argument("--hold", action="store_true",
        help="at the end keep processes and namespaces as they are until Ctrl-C")
    parser.add_argument("--check-names", nargs="+", metavar="NAME",
        help="fail unless these are all the cases")
    parser.add_argument("--program", default=PROGRAM, metavar="FILE",
        help="the polltcp to test (%(default)s)")
    parser.add_argument("--relay", default=RELAY, metavar="FILE",
        help="the relay of the cases over a bad link (%(default)s)")
    return parser, parser.parse_args()


def choose(parser, args):
    chosen = []
    for name in args.case:
        found = [c for c in CASES.values() if name in (c.name, c.run.__name__)]
        if not found:
            parser.error(f"--case: {name!r}: no such case (--list shows them)")
        chosen += found
    return [c for c in (chosen if args.case else CASES.values())
        if args.variant in (None, c.variant)]


def check_names(names):
    """The list in meson.build against the cases that there are."""
    wrong = [f"{name}: not in meson.build" for name in CASES if name not in names]
    wrong += [f"{name}: no such case" for name in names if name not in CASES]
    print("\n".join(wrong) or f"{len(names)} cases")
    return 1 if wrong else 0


def main():
    parser, args = parse()
    # Ends like Ctrl-C, so that everything is put in order; SIGKILL leaves nothing behind either.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    if args.check_names:
        return check_names(args.check_names)
    chosen = choose(parser, args)
    if args.names or args.list:
        for c in chosen:
            print(c.name if args.names else f"{c.name:42} {c.text}")
        return 0
    if not os.access(args.program, os.X_OK):
        parser.error(f"no program {args.program}: build it, or name it with --program")
    if not os.access(args.relay, os.X_OK) and any(c.variant == "relay" for c in chosen):
        parser.error(f"no relay {args.relay}: build it, or name it with --relay")
    try:
        check_environment({c.variant for c in chosen})
    except Skipped as e:
        print(f"skipped: {e}")
        return SKIP
    failed = [c.name for c in chosen if not run_case(c, args)]
    if len(chosen) > 1:
        print(f"{len(chosen) - len(failed)} passed, {len(failed)} failed" + "".join(
            f"\n  {name}" for name in failed))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
