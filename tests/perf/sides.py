#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""What polltcp's benches are compared with: that it works and what it says, never how fast it was.

    sides.py CASE KERNEL-PAIR|MACSWAP|HANDOVER
"""
import argparse
import contextlib
import importlib.machinery
import importlib.util
import json
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, 'tests'))

# pylint: disable=wrong-import-position
from program import expect  # noqa: E402

SIDES = os.path.join(ROOT, 'tools', 'sides')
LIMIT = 60  # seconds
SKIP = 77


def run(argv):
    """Run to the end: exit status, stdout, stderr. It leaves no files behind."""
    with tempfile.TemporaryDirectory() as folder:
        done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True,
                              timeout=LIMIT, check=False, env=dict(os.environ, TMPDIR=folder))
        left = os.listdir(folder)
    expect(f'{argv}: nothing is left, but {left}', not left, done.stdout + done.stderr)
    return done.returncode, done.stdout, done.stderr


def free_port():
    with socket.socket() as s:
        s.bind(('127.0.0.1', 0))
        return s.getsockname()[1]


class Server:
    """The server's end over the loopback device."""

    def __init__(self, program, role, *options, serve=None):
        self.port = str(free_port())
        self.client = [program, role, '--port', self.port, *options]
        # pylint: disable=consider-using-with
        self.popen = subprocess.Popen([program, 'serve', serve or role, '--port', self.port, *options],
                                      stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        line = self.popen.stdout.readline()
        expect(f'the server is ready, not {line!r}', line == 'ready\n', '')
        return self

    def __exit__(self, *_):
        self.popen.terminate()
        status = self.popen.wait(LIMIT)
        self.popen.stdout.close()
        expect(f'the server ran until it was ended, not {status}', status == -signal.SIGTERM, '')


def numbers(text, keys):
    lines = text.splitlines()
    expect('one line', len(lines) == 1, text)
    told = json.loads(lines[0])
    for key in keys:
        expect(f'{key} is a number', isinstance(told.get(key), (int, float)), text)
    return told


def pair(program):
    """Each role over the loopback device: nothing fails, and something is done."""
    for role, options, figure in (('lifecycle', ['--concurrency', '100', '--sources', '4'], 'lifecycles_per_s'),
                                  ('rr', ['--concurrency', '100', '--sources', '4'], 'requests_per_s'),
                                  ('rr', ['--concurrency', '3', '--size', '4096'], 'requests_per_s'),
                                  ('stream', [], 'gbit_per_s'),
                                  ('stream', ['--no-copy', '--concurrency', '5'], 'gbit_per_s'),
                                  ('latency', [], 'p50_us'),
                                  ('latency', ['--spin'], 'p999_us')):
        with Server(program, role, *options) as server:
            code, out, err = run(server.client + ['--seconds', '1', '--warmup', '50'])
        expect(f'{role} {options}: exit status 0, not {code}', code == 0, out + err)
        told = numbers(out, [figure, 'failed', 'seconds'])
        expect(f'{role} {options}: something was done', told[figure] > 0, out)
        expect(f'{role} {options}: nothing failed', told['failed'] == 0, out + err)
        expect(f'{role} {options}: a second', told['seconds'] >= 1, out)


def pair_shares(program):
    """With fewer descriptors than connections, several processes have their share each."""
    limited = ['prlimit', '--nofile=1500:1500', '--']
    options = ['--concurrency', '1500', '--sources', '3']
    with Server(program, 'rr', *options) as server:
        code, out, err = run(limited + server.client + ['--seconds', '1', '--warmup', '50'])
    expect(f'exit status 0, not {code}', code == 0, out + err)
    told = numbers(out, ['requests_per_s', 'failed'])
    expect('nothing failed', told['failed'] == 0 and told['requests_per_s'] > 0, out + err)


def pair_fails(program):
    """No server, and a server that does not say what it should: it is told, and counts as failed."""
    code, out, err = run([program, 'lifecycle', '--port', str(free_port()), '--seconds', '1'])
    expect('exit status 1', code == 1, out + err)
    expect('it is refused', 'kernel-pair: connect: Connection refused' in err, err)
    expect('no figures', out == '', out)
    with Server(program, 'rr', serve='lifecycle') as server:
        code, out, err = run(server.client + ['--seconds', '1', '--warmup', '0'])
    expect('exit status 0', code == 0, out + err)
    expect('failures are counted', numbers(out, ['failed'])['failed'] > 0, out)
    expect('and named', 'failed, the last: ' in err, err)


def pair_options(program):
    """What does not allow a start: a line that says what, exit status 2."""
    for args, words in (([], 'kernel-pair ROLE'), (['serve'], 'kernel-pair serve ROLE'), (['nothing'], "role: 'nothing'"),
                        (['rr', 'rr'], 'kernel-pair ROLE'), (['rr', '--port', '70000'], '1 to 65535'),
                        (['rr', '--connect', 'here'], '--connect: '),
                        (['rr', '--concurrency', '0'], '--concurrency: '),
                        (['rr', '--size', '5000'], '1 to 4096'), (['rr', '--nothing'], 'nothing')):
        code, out, err = run([program, *args])
        expect(f'{args}: exit status 2, not {code}', code == 2, out + err)
        expect(f'{args}: it says {words}', words in err, out + err)
    code, out, err = run([program, '--help'])
    expect('--help', code == 0 and '--concurrency N' in out, out + err)


def tool(program):
    """tools/sides itself: help, and what it does not take."""
    for args, words in ((['--help'], 'tcp_max_syn_backlog'), (['kernel', '--help'], 'lifecycle|rr|stream|latency'),
                        (['kernel-memory', '--help'], '--connections')):
        code, out, err = run([SIDES, *args])
        expect(f'{args}: exit status 0, not {code}', code == 0, out + err)
        expect(f'{args}: {words}', words in out, out)
    for args, words in (([], 'SIDE'), (['nothing'], "'nothing'"), (['kernel', 'nothing'], "'nothing'"),
                        (['kernel', 'rr', '--concurrency', '0'], 'above 0'),
                        (['kernel', 'rr', '--program', '/nothing'], 'no program /nothing'),
                        (['macswap', '--load', '1k', '--program', program], 'only with --ping'),
                        (['macswap', '--ping', '--load', '100%', '--program', program], '100%'),
                        (['macswap', '--link', 'wire', '--program', program], "'wire'")):
        code, out, err = run([SIDES, *args])
        expect(f'{args}: exit status 2, not {code}', code == 2, out + err)
        expect(f'{args}: it says {words}', words in err, err)
        expect(f'{args}: no figures', out == '', out)
    code, out, err = run([SIDES, 'kernel', 'rr', '--concurrency', '8', '--seconds', '1', '--program', program])
    if code == SKIP:
        expect('why it cannot run here', 'cannot run here: ' in err, err)
        print(err)
        sys.exit(SKIP)
    expect(f'exit status 0, not {code}', code == 0, out + err)
    told = numbers(out, ['requests_per_s', 'failed'])
    expect('requests, and none failed', told['requests_per_s'] > 0 and told['failed'] == 0, out + err)


def macswap(program):
    """Frames come back over a ring, without hugepages; and what does not allow a start."""
    cpus = sorted(os.sched_getaffinity(0))
    eal = [program, '--no-huge', '--no-shconf', '-m', '256', '--no-pci', '--no-telemetry', '--lcores',
           f'0@{cpus[0]},1@{cpus[0]},2@{cpus[-1]}', '--file-prefix', f'macswap-{os.getpid()}', '--']
    brief = ['--ring', '--seconds', '1', '--warmup', '100']
    for args, keys in ((['rate'], ['packets_per_s', 'gbit_per_s', 'lost']),
                       (['rate', '--size', '9014', '--first', '64'], ['packets_per_s', 'gbit_per_s', 'lost']),
                       (['ping'], ['p50_us', 'p99_us', 'p999_us', 'packets_per_s']),
                       (['ping', '--load', '10000'], ['p50_us', 'p99_us', 'p999_us', 'packets_per_s'])):
        code, out, err = run([*eal, *args, *brief])
        expect(f'{args}: exit status 0, not {code}', code == 0, out + err)
        told = numbers('\n'.join(line for line in out.splitlines() if line.startswith('{')), keys)
        for key in keys[:-1]:
            expect(f'{args}: {key} above 0', told[key] > 0, out)
        if 'p50_us' in told:
            expect('quantiles in order', told['p50_us'] <= told['p99_us'] <= told['p999_us'], out)
    for args, words in (([], 'swap|rate|ping'), (['nothing'], "'nothing'"), (['swap', '--ring'], '--ring: '),
                        (['rate', '--size', '59'], '60 to 9018'), (['rate', '--nothing'], 'nothing')):
        code, out, err = run([*eal, *args])
        expect(f'{args}: exit status 2, not {code}', code == 2, out + err)
        expect(f'{args}: it says {words}', words in err, err)
    code, out, err = run([*eal, 'rate'])
    expect('no port: exit status 1', code == 1 and 'macswap: 0 ports' in err, out + err)


def tool_macswap(program):
    """Two processes over each link, through the tool."""
    if len(os.sched_getaffinity(0)) < 2:
        print('two processes that poll need two CPUs')
        sys.exit(SKIP)
    for args, keys in ((['--link', 'ring'], ['packets_per_s', 'gbit_per_s']),
                       (['--link', 'memif', '--ping'], ['p50_us', 'p999_us']),
                       (['--link', 'ring', '--ping', '--load', '50%'], ['p50_us', 'half_p50_us', 'half_packets_per_s']),
                       (['--link', 'vhost', '--ping', '--load', '10k'], ['p50_us', 'loaded_p999_us']),
                       (['--link', 'memif'], ['packets_per_s', 'gbit_per_s']),
                       (['--link', 'vhost', '--size', '1514'], ['packets_per_s', 'gbit_per_s'])):
        code, out, err = run([SIDES, 'macswap', *args, '--seconds', '1', '--warmup', '100', '--program', program])
        if code == SKIP:
            expect('why it cannot run here', 'cannot run here: ' in err, err)
            print(err)
            sys.exit(SKIP)
        expect(f'{args}: exit status 0, not {code}', code == 0, out + err)
        told = numbers(out, keys)
        expect(f'{args}: frames came back', all(told[key] > 0 for key in keys), out)
    code, out, err = run([SIDES, 'macswap', '--link', 'memif', '--size', '1515', '--program', program])
    expect('a frame that is too long', code == 1 and '--size: 1515' in err and out == '', out + err)


def handover(program):
    """A line that goes back and forth between two CPUs, or why not."""
    code, out, err = run([SIDES, 'handover', '--program', program])
    if code == SKIP:
        expect('why it cannot run here', 'only one CPU' in err, err)
    else:
        expect(f'exit status 0, not {code}', code == 0, out + err)
        expect('it takes time', numbers(out, ['handover_ns'])['handover_ns'] > 0, out)
    for args in (['0'], ['0', '0'], ['0', 'x'], ['0', '100000']):
        code, out, err = run([program, *args])
        expect(f'{args}: exit status 2, not {code}', code == 2 and 'handover' in err and out == '', out + err)


def report(bench, link, median, compared):
    """A bench's report, as far as tools/bench reads it."""
    return {'bench': bench, 'commit': 'abc', 'machine': {
        'cpu': 'a', 'cores': 2, 'tsc_hz': 2e9, 'memory_bytes': 1 << 30, 'hugepages': 0, 'hugepage_bytes': 0,
        'kernel': '6', 'dpdk': '22', 'compiler': '12'}, 'config': {
            'link': link, 'date': 'today', 'repeat': 1, 'notes': ['a note'],
            'units': {name: '1/s' for name in median}}, 'runs': [median], 'median': median, 'ratio': {},
            'compared': {side: {'runs': [m], 'median': m} for side, m in compared.items()},
            'target': {}, 'met': True}


def page(_program):
    """tools/bench: which sides a bench has over which link, the sections of a page, the bars of all links."""
    sys.path.append(os.path.join(ROOT, 'tools'))  # what it imports lies beside it
    loader = importlib.machinery.SourceFileLoader('bench', os.path.join(ROOT, 'tools', 'bench'))
    bench = importlib.util.module_from_spec(importlib.util.spec_from_loader('bench', loader))
    loader.exec_module(bench)
    bench.find_side = lambda args, words: None if words[0] == 'kernel' else ' '.join(words)
    args = argparse.Namespace(quick=False, program='polltcp')
    for link, sides in (('ring', ['macswap', 'macswap 9000', 'machine']), ('memif', ['macswap', 'machine'])):
        real, shown = bench.find_sides(args, 'stream', link)
        expect(f'{link}: {sides}, not {real}', [s.partition('=')[0] for s in real[1::2]] == sides, '')
        expect(f'{link}: it is measured', f'macswap=macswap --link {link} --size 1514' in real, f'{real}')
        expect('and shown without paths', shown[1] == f'macswap=tools/sides {real[1][8:]}', f'{shown}')
    expect('no sides', bench.find_sides(args, 'wheel', None) == ([], []), '')
    with tempfile.TemporaryDirectory() as folder:
        args = argparse.Namespace(output=folder)
        compared = {'kernel': {'lifecycles_per_s': 20000.0}, 'macswap': {'packets_per_s': 6e6}}
        with contextlib.redirect_stdout(None):
            for link, rate in (('memif', 1e6), ('ring', 2e6), ('memif', 1.5e6)):
                found = report('lifecycle', link, {'lifecycles_per_s_1k': rate, 'other_1k': 5.0}, compared)
                bench.write_all(args, {f'lifecycle {link}': {'command': 'polltcp bench', 'report': found}})
        with open(os.path.join(folder, 'performance.md'), encoding='utf-8') as f:
            text = f.read()
        with open(os.path.join(folder, 'performance-lifecycle.svg'), encoding='utf-8') as f:
            drawing = f.read()
    expect('a section each, once', text.count('## lifecycle memif') == 1 and text.count('## lifecycle ring') == 1, text)
    expect('the later figure', '| 1,500,000 |' in text and '| 1,000,000 |' not in text, text)
    expect('one picture, of both links', text.count('performance-lifecycle.svg') == 1, text)
    bars = re.findall(r'end">([^<]+)</text>\n<text [^>]*>([^<]+)<', drawing)
    expect(f'bars: {bars}', bars[3:] == [('polltcp, memif, 1k', '1,500,000'), ('kernel', '20,000')], drawing)
    expect(f'bars: {bars}', sorted(bars[:3]) == [
        ('macswap, memif: 1 of 3', '2,000,000'), ('macswap, ring: 1 of 3', '2,000,000'),
        ('polltcp, ring, 1k', '2,000,000')], drawing)


CASES = {case.__name__: case for case in (pair, pair_shares, pair_fails, pair_options, tool, macswap, tool_macswap, handover, page)}

if __name__ == '__main__':
    if len(sys.argv) != 3 or sys.argv[1] not in CASES:
        sys.exit(f"usage: sides.py {'|'.join(CASES)} KERNEL-PAIR|MACSWAP|HANDOVER")
    CASES[sys.argv[1]](sys.argv[2])
