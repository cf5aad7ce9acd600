#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The program itself on software ports, without hugepages: app.py PROGRAM CASE"""
import os
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from program import expect, run  # noqa: E402

NULL = ['--no-huge', '--no-shconf', '-m', '512', '--no-pci', '--vdev=net_null0', '--']
SERVER = ['server', '--addr', '10.9.0.2/24', '--listen', '7=echo']


def null(program):
    """Frames of zeros, as fast as they come: each is a drop with a name, and nothing else happens."""
    code, output, told = run(program, NULL + SERVER + ['--duration', '1s', '--quiet'])
    expect('exit status 0', code == 0, output)
    expect('a JSON report', told is not None, output)
    drops = {key: n for key, n in told['drops'].items() if n > 0}
    expect(f'only eth_type drops, many: {drops}', set(drops) == {'eth_type'}, output)
    expect('more than 10,000 of them', drops['eth_type'] > 10000, output)
    for key in ('opened', 'established', 'closed', 'failed', 'retransmitted', 'leaked'):
        expect(f'{key} is 0', told[key] == 0, output)


def demo(program):
    """The demo: every lifecycle complete, every pool back, a TIME-WAIT of 2MSL."""
    code, output, told = run(program, ['demo', '--connections', '20000', '--msl', '100ms'])
    expect('exit status 0', code == 0, output)
    expect('20,001 lifecycles', told['lifecycles'] == 20001, output)
    expect('none failed, none leaked', told['failed'] == 0 and told['leaked'] == 0, output)
    expect(f"2MSL: {told['time_wait_ms']}", told['time_wait_ms'] >= 200, output)
    expect('a rate and the EAL options', told['rate_per_s'] > 0 and '--no-pci' in told['eal'],
           output)
    for state in ('SYN-SENT', 'SYN-RECEIVED', 'ESTABLISHED', 'FIN-WAIT-1', 'FIN-WAIT-2',
                  'CLOSE-WAIT', 'LAST-ACK', 'TIME-WAIT', 'CLOSED'):
        expect(f'the ladder shows {state}', state in output, output)


def patience(program):
    """Nobody is there: less than a millisecond of user timeout is no lack of one."""
    code, output, told = run(program, NULL + [
        'client', '--addr', '10.9.0.2/24', '--connect', '10.9.0.1:7', '--connections', '1',
        '--timeout', '5s', '--user-timeout', '1us', '--quiet'])
    expect('exit status 1', code == 1, output)
    expect(f"one failure, a timeout: {told['failures']}", told['failures']['timeout'] == 1, output)


def errors(program):
    """What does not allow a start: one line that names what and where, exit status 2."""
    for args, words in (
            (['server'], '--addr: is needed'),
            (['server', '--addr', '10.9.0.300/24', '--listen', '7=echo'], "'10.9.0.300/24'"),
            (['server', '--addr', '10.9.0.2/24', '--listen', '7=nothing'], "--listen: '7=nothing'"),
            (['server', '--addr', '10.9.0.2/24', '--listen', '70000=echo'], '1 to 65,535'),
            (SERVER + ['--msl', '5ms'], '10ms to 600s'),
            (SERVER + ['--keepalive', '1s'], '--keepalive'),
            (SERVER + ['--cc', 'reno'], "--cc: 'reno': must be cubic or newreno"),
            (SERVER + ['--ecn', 'on'], "--ecn: 'on': must be off, passive or active"),
            (SERVER + ['--syn-cookies', 'yes'], 'must be auto, never or always'),
            (SERVER + ['--user-timeout', '86401s'], 'must be 0 to 86,400s'),
            (SERVER + ['--max-half-open', '15'], 'must be 16 to 16,777,216'),
            (SERVER + ['--rcv-buf-max', '65M'], 'must be 0 to 67,108,864 bytes'),
            (SERVER + ['--dscp', '64'], 'must be 0 to 63'),
            (SERVER + ['--ttl', '256'], 'must be 1 to 255'),
            (SERVER + ['--pacing=1'], 'takes no value'),
            (SERVER + ['--addr', '10.9.0.2/24'], 'stands twice'),
            (['--no-pci', '--'] + SERVER, 'no ports'),
            (['--vdev=net_af_packet0,iface=nowhere0', '--'] + SERVER, 'failed to probe'),
            (['-l', '0', '--vdev=net_null0', '--'] + SERVER, 'too few lcores'),
            (NULL + SERVER + ['--total-num-mbufs', '1024', '--rxd', '4096'], 'mbufs'),
            (NULL + SERVER + ['--port', '7'], '--port'),
            (['client', '--addr', '10.9.0.2/24', '--connect', '10.9.0.1'], "--connect: '10.9.0.1'"),
            (['client', '--addr', '10.9.0.2/24', '--connect', '10.9.0.1:7', '--connections', '0'],
             '1 to '),
            (['demo', '--concurrency', 'many'], '--concurrency'),
            (['nonsense'], 'no such mode'),
            (['demo', '--nonsense'], 'no such option')):
        code, output, told = run(program, args)
        last = output.strip().splitlines()[-1] if output.strip() else ''
        expect(f'{args}: exit status 2, not {code}', code == 2, output)
        expect(f'{args}: the last line names {words}', last.startswith('polltcp') and words in last,
               output)
        expect(f'{args}: no report', told is None, output)


CASES = {case.__name__: case for case in (null, demo, patience, errors)}

if __name__ == '__main__':
    if len(sys.argv) != 3 or sys.argv[2] not in CASES:
        sys.exit(f"usage: app.py PROGRAM {'|'.join(CASES)}")
    CASES[sys.argv[2]](sys.argv[1])
