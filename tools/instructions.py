#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Instructions of one lifecycle, both ends, counted by callgrind: they repeat where time does not.

"polltcp bench turns" lets both ends take turns on one lcore, in virtual time and with fixed keys. It is
run twice with different numbers of lifecycles: what they have in common, the start for instance, cancels out.
"""

import json
import os
import re
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
PAGE = os.path.join(ROOT, "docs", "performance.md")
COUNTED = "turns_until_closed"  # the function of app/bench/bench_turns.c in which is counted
LESS, MORE = 2000, 12000  # lifecycles
MEMORY = 512  # MiB, without hugepages: valgrind knows none
GROWTH = 0.03  # what is unexplained beyond this fails tools/check
MARK = re.compile(r"<!-- instructions: (\d+), (.*) -->")


class NotHere(Exception):
	"""It cannot be counted on this machine; the text says why."""


def collected(program, lifecycles, out):
	argv = ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", f"--toggle-collect={COUNTED}",
		program, "--no-huge", "-m", str(MEMORY), "--no-shconf", "--no-pci", "--iova-mode=va", "--no-telemetry",
		"--", "bench", "turns", "--lifecycles", str(lifecycles), "--repeat", "1", "--quiet"]
	done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
		text=True, errors="replace", check=False)
	found = re.search(r"Collected : (\d+)", done.stdout)
	if done.returncode != 0 or not found or int(found[1]) == 0:
		raise RuntimeError("callgrind counted nothing:\n" + done.stdout[-2000:])
	return int(found[1])


def released(program):
	"""Whether the figure is one of this program's build: not of a debug build, nor of one with sanitizers."""
	path = os.path.join(os.path.dirname(program), "..", "meson-info", "intro-buildoptions.json")
	try:
		with open(path, encoding="utf-8") as f:
			options = {o["name"]: o["value"] for o in json.load(f)}
	except OSError:
		return True  # installed
	return options["buildtype"] == "release" and options["b_sanitize"] in ("none", []) and not options["debug_checks"]


def count(program):
	"""Instructions of a lifecycle. Raises NotHere, RuntimeError."""
	if not os.access(program, os.X_OK):
		raise NotHere(f"{os.path.relpath(program, ROOT)} is not built")
	if not released(program):
		raise NotHere(f"{os.path.relpath(program, ROOT)} is not a release build")
	try:
		subprocess.run(["valgrind", "--version"], stdout=subprocess.DEVNULL, check=True)
	except (OSError, subprocess.CalledProcessError) as e:
		raise NotHere("valgrind is not installed: run tools/setup") from e
	with tempfile.TemporaryDirectory() as directory:
		out = os.path.join(directory, "callgrind.out")
		less, more = (collected(program, n, out) for n in (LESS, MORE))
	return round((more - less) / (MORE - LESS))


def compiler():
	"""The figure is one compiler's: "gcc 12.2.0"."""
	done = subprocess.run(["gcc", "-dumpfullversion"], capture_output=True, text=True, check=True)
	return "gcc " + done.stdout.strip()


def kept():
	"""(the figure of docs/performance.md, its compiler), or None."""
	with open(PAGE, encoding="utf-8") as f:
		found = MARK.search(f.read())
	return (int(found[1]), found[2]) if found else None


def judge(now):
	"""What is wrong with @p now instructions, or None."""
	if kept() is None:
		return "docs/performance.md keeps no figure: tools/bench --instructions"
	figure, by = kept()
	if now > figure * (1 + GROWTH):
		return (f"{now:,} instructions a lifecycle are {100 * (now / figure - 1):.1f} % more than the {figure:,} of "
			"docs/performance.md: find out why, then keep the new figure by tools/bench --instructions")
	return None


def keep(now, text):
	"""The page with the new figure, both for people and for tools/check."""
	line = (f"<!-- instructions: {now}, {compiler()} -->\nA lifecycle of six packets takes **{now:,} instructions**, both "
		f"ends together ({compiler()}, `tools/bench --instructions`).")
	if MARK.search(text):
		return re.sub(MARK.pattern + r"\n[^\n]*", lambda _: line, text)
	return text.rstrip("\n") + f"\n\n## Instructions of a lifecycle\n\n{line}\n"


def main():
	"""instructions.py [PROGRAM]: print the figure."""
	program = sys.argv[1] if len(sys.argv) > 1 else os.path.join(ROOT, "build", "app", "polltcp")
	try:
		print(count(program))
	except (NotHere, RuntimeError) as e:
		sys.exit(f"tools/instructions.py: {e}")


if __name__ == "__main__":
	main()
