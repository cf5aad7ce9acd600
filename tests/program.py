# SPDX-License-Identifier: BSD-3-Clause
"""What the tests of the program itself share: to run it, and to say what was not so."""
import json
import os
import subprocess
import sys
import tempfile


def run(program, args, seconds=120):
    """Run to the end. @return exit code, output, the JSON report or None"""
    with tempfile.TemporaryDirectory() as folder:
        report = os.path.join(folder, 'report.json')
        done = subprocess.run([program, *args, '--json', report], stdin=subprocess.DEVNULL,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                              timeout=seconds)
        told = None
        # It is opened before the start, so that an unwritable one is an error at once.
        if os.path.exists(report) and os.path.getsize(report) > 0:
            with open(report, encoding='utf-8') as f:
                told = json.load(f)
    return done.returncode, done.stdout, told


def expect(what, wanted, output):
    if not wanted:
        sys.exit(f'{output}\nnot so: {what}')
