#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""polltcp-sim itself: options, the same result with any number of processes, captures that tshark reads."""

import json
import os
import shutil
import subprocess
import sys
import tempfile

SIM = sys.argv[1]
FAILED = []


def run(*args):
	return subprocess.run([SIM, *args], stdin=subprocess.DEVNULL, capture_output=True, text=True)


def check(ok, what):
	print(("ok    " if ok else "FAILED ") + what, flush=True)
	if not ok:
		FAILED.append(what)


def test_options():
	check(run("--help").returncode == 0, "--help")
	listed = run("--scenario", "list")
	check(listed.returncode == 0 and "lossy" in listed.stdout, "--scenario list")
	for args, word in (
		(["--seed", "x"], "--seed x: must be a number"),
		(["--connections", "0"], "--connections 0"),
		(["--connections", "-1"], "--connections -1"),
		(["--scenario", "nothing"], "no such scenario"),
		(["--jobs", "100000"], "--jobs 100000"),
		(["--trace-end", "2"], "--trace-end 2"),
		(["--update"], "needs --grid"),
		(["--seeds", "/nonexistent"], "No such file"),
		(["--trace", "/nonexistent/x.pcap"], "No such file"),
		(["stray"], "not an option"),
		(["--nonsense"], "--help"),
	):
		done = run(*args)
		check(done.returncode == 2 and word in done.stderr, f"error of {' '.join(args)}")


def result(path):
	with open(path, encoding="utf-8") as f:
		r = json.load(f)
	r.pop("seconds")
	return r


def test_jobs(where):
	results = []
	for jobs in ("1", "3"):
		path = os.path.join(where, f"{jobs}.json")
		done = run("--seed", "42", "--connections", "2000", "--jobs", jobs, "--json", path)
		check(done.returncode == 0, f"--jobs {jobs}")
		results.append(result(path))
	check(results[0] == results[1], "the same result with 1 and 3 processes")
	check(results[0]["simulation"]["connections"] == 2000, "as many connections as asked for")
	path = os.path.join(where, "other.json")
	run("--seed", "43", "--connections", "2000", "--json", path)
	check(result(path)["digest"] != results[0]["digest"], "another result with another seed")


def test_trace(where, scenario):
	"""tshark finds nothing malformed and no checksum wrong."""
	path = os.path.join(where, scenario + ".pcap")
	for end in "0", "1":
		done = run("--world-seed", "7", "--connections", "60", "--scenario", scenario, "--trace", path,
			"--trace-end", end)
		check(done.returncode == 0, f"--trace of {scenario} at end {end}")
		base = ["tshark", "-r", path, "-o", "tcp.check_checksum:TRUE", "-o", "ip.check_checksum:TRUE",
			"-d", "tcp.port==1-65535,data"]  # the payload is noise, whatever a port number suggests
		seen = subprocess.run([*base, "-Y", "tcp"], capture_output=True, text=True)
		bad = subprocess.run([*base, "-Y", "_ws.malformed or tcp.checksum.status==0 or ip.checksum.status==0 or !tcp"],
			capture_output=True, text=True)
		check(seen.returncode == 0 and seen.stdout.count("\n") > 100, f"tshark reads it ({seen.stdout.count(chr(10))} segments)")
		check(bad.returncode == 0 and bad.stdout == "", f"no malformed frame or bad checksum {bad.stdout[:300]}")


def main():
	with tempfile.TemporaryDirectory() as where:
		test_options()
		test_jobs(where)
		if shutil.which("tshark"):
			for scenario in "clean", "reorder", "corrupt", "mtu":
				test_trace(where, scenario)
		else:
			print("tshark is not installed: captures not read")
	return 1 if FAILED else 0


if __name__ == "__main__":
	sys.exit(main())
