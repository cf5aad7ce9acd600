#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""Everything that must pass: tools/check, four builds and their tests. Started by tools/test.

The last line is "N passed, N failed" (", N skipped" when some were); the exit status is 0 only if
a test program ran and nothing failed.
"""

import argparse
import json
import os
import shutil
import signal
import subprocess
import sys
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# How a suite runs. Those that start EAL or make network namespaces run one test at a time.
# asan: what AddressSanitizer is told in the sanitizer build. Leaks count in plain C; DPDK keeps
# memory of its own to the end of a process, so there the suite's own accounting looks for leaks.
SUITE_DEFAULT = {"jobs": None, "asan": "detect_leaks=1"}
SUITES = {
	"pmd": {"jobs": 1, "asan": "detect_leaks=0"},
	"interop": {"jobs": 1, "asan": "detect_leaks=0"},
	"loss": {"jobs": 1, "asan": "detect_leaks=0"},
	"perf": {"jobs": 1, "asan": "detect_leaks=0"},
}
LONG = "long"  # tests that are also in this suite run with --all only

CLANG = {"CC": "clang"}
FUZZ_BUILD = "build-fuzz"
BUILDS = [
	# name, directory, environment, meson options, suites (None: all), suites with --quick, targets
	("gcc release", "build", {}, [], None, ["unit", "tcp"], []),
	("clang LTO", "build-clang", CLANG, ["-Db_lto=true"], ["unit", "tcp"], None, []),
	("gcc ASan+UBSan", "build-asan", {}, ["-Doptimization=1", "-Ddebug=true",
		"-Db_sanitize=address,undefined", "-Dc_args=-fno-sanitize-recover=all",
		"-Ddebug_checks=true"], ["unit", "tcp", "sim", "pmd"], None, []),
	("clang fuzzers", FUZZ_BUILD, CLANG, ["-Dfuzz=true", "-Doptimization=2", "-Ddebug=true",
		"-Db_sanitize=address,undefined", "-Db_lundef=false",
		"-Dc_args=-fno-sanitize-recover=all"], ["fuzz"], None, ["fuzzers"]),
]
SKIPPED = ("SKIP",)
PASSED = ("OK", "EXPECTEDFAIL")


class Tally:
	def __init__(self):
		self.passed = 0
		self.programs = 0
		self.failures = []
		self.skips = []

	def fail(self, what):
		self.failures.append(what)

	def last_line(self):
		line = f"{self.passed} passed, {len(self.failures)} failed"
		return line + (f", {len(self.skips)} skipped" if self.skips else "")


class Part:
	"""One part of the run: its heading, and its duration at the end."""

	def __init__(self, title):
		self.title = title

	def __enter__(self):
		self.began = time.monotonic()
		print(f"== {self.title}", flush=True)

	def __exit__(self, *_):
		print(f"== {self.title}: {time.monotonic() - self.began:.0f} s\n", flush=True)


def run(argv, env=None, quiet=False):
	"""Run argv in the root, its output on ours; the exit status."""
	try:
		return subprocess.run(argv, cwd=ROOT, env=dict(os.environ, **(env or {})),
			stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL if quiet else None).returncode
	except FileNotFoundError:
		print(f"tools/test: {argv[0]} is not installed")
		return 127


def run_checks(tally, quick, build):
	"""tools/check, line by line, each check counted as one."""
	argv = [os.path.join(ROOT, "tools", "check")] + (["--skip", "tidy"] if quick else [])
	counted = 0
	with subprocess.Popen(argv, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True,
			errors="replace", env=dict(os.environ, POLLTCP_BUILD=build)) as p:
		for line in p.stdout:
			print(line, end="", flush=True)
			if line.startswith("ok  "):
				tally.passed += 1
				counted += 1
			elif line.startswith("FAIL "):
				tally.fail("check " + line.split()[1])
				counted += 1
	if p.returncode not in (0, 1) or counted == 0:
		tally.fail(f"tools/check ended with {p.returncode}")


def configure(where, env, options):
	"""A build directory with just these options; an older one with others goes."""
	stamp = os.path.join(where, ".polltcp-options")
	wanted = json.dumps([env, options])
	argv = ["meson", "setup", where, ROOT, *options]
	if os.path.exists(os.path.join(where, "build.ninja")):
		made_with = json.dumps([{}, []])  # tools/quickstart leaves no stamp and gives no options
		if os.path.exists(stamp):
			with open(stamp, encoding="utf-8") as f:
				made_with = f.read()
		if made_with == wanted:
			return True
		shutil.rmtree(where)  # meson's own --wipe would keep the old options
	if run(argv, env) != 0:
		return False
	with open(stamp, "w", encoding="utf-8") as f:
		f.write(wanted)
	return True


def list_tests(where):
	"""{suite: names of its tests}, in the order of the build files; LONG is kept as a suite."""
	done = subprocess.run(["meson", "introspect", "--tests", where], cwd=ROOT, capture_output=True, text=True)
	found = {}
	for t in json.loads(done.stdout) if done.returncode == 0 else []:
		for suite in t["suite"]:
			found.setdefault(suite.split(":")[-1], []).append(t["name"])
	return found


def tail(text, lines):
	kept = text.rstrip().split("\n")[-lines:]
	return "    | " + "\n    | ".join(kept)


def plain_name(name):
	"""meson writes "project:suite+suite / name"."""
	return name.split(" / ")[-1]


def count(tally, build, suite, expected, log):
	"""Read meson's own record of a run; a test that left no record has failed."""
	seen = set()
	try:
		with open(log, encoding="utf-8", errors="replace") as f:
			records = [json.loads(line) for line in f if line.strip()]
	except (OSError, ValueError) as e:
		records = []
		print(f"  no usable test log: {e}")
	for r in records:
		name = plain_name(r["name"])
		seen.add(name)
		tally.programs += 1
		label = f"{build}: {suite}/{name}"
		output = (r.get("stdout") or "") + (r.get("stderr") or "")
		if r["result"] in PASSED:
			tally.passed += 1
		elif r["result"] in SKIPPED:
			tally.skips.append(label)
			print(f"  *** SKIPPED {label}, which says:\n{tail(output, 5)}")
		else:
			tally.fail(f"{label} ({r['result']}, status {r.get('returncode')})")
			print(f"  *** FAILED {label}: {r['result']}, status {r.get('returncode')}\n{tail(output, 40)}")
	for name in expected:
		if name not in seen:
			tally.fail(f"{build}: {suite}/{name} (did not run)")
	sys.stdout.flush()


def run_suite(tally, build, where, suite, names, sanitized, with_long):
	conf = dict(SUITE_DEFAULT, **SUITES.get(suite, {}))
	env = {}
	argv = ["meson", "test", "-C", where, "--no-rebuild", "--suite", suite, "--logbase", f"testlog-{suite}"]
	if not with_long:
		argv += ["--no-suite", LONG]
	if conf["jobs"]:
		argv += ["--num-processes", str(conf["jobs"])]
	if sanitized:
		argv += ["--timeout-multiplier", "4"]
		env["ASAN_OPTIONS"] = conf["asan"] + ":abort_on_error=1:strict_string_checks=1"
		env["UBSAN_OPTIONS"] = "print_stacktrace=1:halt_on_error=1"
	log = os.path.join(where, "meson-logs", f"testlog-{suite}.json")
	if os.path.exists(log):
		os.remove(log)
	run(argv, env)
	count(tally, build, suite, names, log)


def run_build(tally, spec, args):
	name, directory, env, options, suites, quick_suites, targets = spec
	where = os.path.join(ROOT, directory)
	with Part(f"{name}: build in {directory}/"):
		if not configure(where, env, options) or run(["ninja", "-C", where, *targets], env) != 0:
			tally.fail(f"{name}: build")
			return
		tally.passed += 1
	found = list_tests(where)
	long_tests = set(found.pop(LONG, []))
	if args.quick:
		suites = quick_suites
	for suite in suites if suites is not None else found:
		names = [n for n in found.get(suite, []) if args.all or n not in long_tests]
		if names:
			with Part(f"{name}: {suite}, {len(names)} test programs"):
				run_suite(tally, name, where, suite, names, "b_sanitize" in " ".join(options), args.all)


def main():
	parser = argparse.ArgumentParser(prog="tools/test", description=__doc__.split("\n")[0])
	parser.add_argument("--quick", action="store_true",
		help="release build, its unit and tcp suites, and the checks without clang-tidy")
	parser.add_argument("--all", action="store_true", help=f"also the tests of the suite '{LONG}'")
	args = parser.parse_args()
	tally = Tally()
	began = time.monotonic()

	# A stop is a failure, and must still end in the last line.
	signal.signal(signal.SIGTERM, signal.default_int_handler)
	try:
		builds = [b for b in BUILDS if not args.quick or b[5]]
		run_build(tally, builds[0], args)
		with Part("checks"):
			run_checks(tally, args.quick, os.path.join(ROOT, builds[0][1]))
		for spec in builds[1:]:
			run_build(tally, spec, args)
	except KeyboardInterrupt:
		tally.fail("interrupted")

	if tally.programs == 0:
		tally.fail("no test program ran")
	for what in tally.skips:
		print(f"SKIPPED {what}")
	for what in tally.failures:
		print(f"FAILED {what}")
	print(f"took {time.monotonic() - began:.0f} s")
	print(tally.last_line())
	return 1 if tally.failures else 0


if __name__ == "__main__":
	sys.exit(main())
