#!/usr/bin/env python3
# SPDX-License-Identifier: BSD-3-Clause
"""The benches with tiny sizes: what they report, never how fast they were. bench.py PROGRAM CASE"""
import ctypes.util
import glob
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

# pylint: disable=wrong-import-position
from program import expect, run  # noqa: E402

KEYS = ['bench', 'commit', 'machine', 'config', 'runs', 'median', 'compared', 'ratio', 'target', 'met']
MACHINE = {'cpu', 'cores', 'memory_bytes', 'hugepages', 'kernel', 'tsc_hz', 'dpdk'}
REPEAT = 2
LIMIT = 240  # seconds


def shape(program, name, options, sides, figures):
    """One bench: the report has the form that all have, every side and every figure."""
    code, output, told = run(program, ['--no-huge', '--', 'bench', name, '--quick', '--repeat',
                                       str(REPEAT), *options], LIMIT)
    expect(f'exit status 0, not {code}', code == 0, output)
    expect('a JSON report', told is not None, output)
    expect(f'the keys {KEYS}, not {list(told)}', list(told) == KEYS, output)
    expect('its name', told['bench'] == name, output)
    expect('a commit', told['commit'] not in ('', '@VCS_TAG@'), output)
    expect(f"a machine: {told['machine']}", MACHINE <= set(told['machine']), output)
    expect('no host name', os.uname().nodename not in told['machine'].values(), output)
    expect('both runs', len(told['runs']) == REPEAT, output)
    expect(f"the sides {sides}, not {list(told['compared'])}", sides <= set(told['compared']), output)
    for figure in figures:
        expect(f'figure {figure}', figure in told['median'], output)
        expect(f'its unit: {figure}', figure in told['config']['units'], output)
    for figure, value in told['median'].items():
        values = [r[figure] for r in told['runs'] if figure in r]
        expect(f'{figure}: the median {value} lies within {values}',
               min(values) <= value <= max(values), output)
        expect(f'{figure}: is a number that may be', value >= 0, output)
    for key in told['ratio']:
        side, _, figure = key.partition(':')
        expect(f'{key}: the ratio of two figures that are there',
               figure in told['compared'][side]['median'] and figure in told['median'], output)
    expect('targets', len(told['target']) > 0, output)
    for key, target in told['target'].items():
        expect(f'target {key}: text, op, value', target['text'] and target['op'] in ('<=', '>=')
               and target['value'] >= 0, output)
        if target['is'] is None:
            expect(f'target {key} was not measured, so not met', not target['met'], output)
    expect('met is what all targets say',
           told['met'] == all(t['met'] for t in told['target'].values()), output)
    return told, output


def wheel(program):
    told, output = shape(program, 'wheel', ['--max', '1k'], {'rte_timer'},
                         ['arm_1k', 'cancel_1k', 'later_1k', 'later_at_once_1k', 'earlier_1k',
                          'expire_1k', 'one_tick_drain'])
    expect('ratio of arm', 'rte_timer:arm_1k' in told['ratio'], output)


def table(program):
    told, output = shape(program, 'table', ['--max', '1k'], {'rte_hash', 'rte_hash lock-free'},
                         ['hit_1k', 'miss_1k', 'insert_1k', 'delete_1k', 'bytes_1k',
                          'insert_worst_1k', 'collide_crc32_p99_x', 'collide_toeplitz_p99_x',
                          'collide_jhash_p99_x'])
    expect('rte_hash takes in few that collide',
           told['compared']['rte_hash']['median']['collide_crc32_taken'] < 1000, output)
    expect('at most 12 bytes', told['median']['bytes_1k'] <= 12.0, output)


def timewait(program):
    told, output = shape(program, 'timewait', ['--entries', '5k'], set(),
                         ['insert', 'find', 'restart', 'reuse', 'expire', 'early', 'late',
                          'bytes_computed', 'one_tick_drain'])
    expect('none early', told['median']['early'] == 0, output)
    expect('at most one tick late', told['median']['late'] <= 1, output)


def turns(program):
    told, output = shape(program, 'turns', [], set(), ['lifecycle', 'packets_a_lifecycle', 'sent_again'])
    expect('nothing was sent again', told['median']['sent_again'] == 0, output)
    packets = told['median']['packets_a_lifecycle']
    expect(f'six packets a lifecycle, not {packets}', 5.9 < packets < 6.1, output)


def two_processes(name):
    """Why a link between two processes cannot be tested here, or None."""
    if len(os.sched_getaffinity(0)) < 2:
        return 'two processes need two CPUs'
    if not ctypes.util.find_library(f'rte_net_{name}') and not glob.glob(
            f'/usr/lib/*/librte_net_{name}.so*'):
        return f'no driver net_{name}'
    return None


def links(program, name, options, figures):
    """One bench over every link that there is here; what a command says is another side."""
    side = """echo '{"packets_per_s": 1000, "lifecycles_per_s": 10}'"""
    for link in ('ring', 'memif', 'vhost'):
        why_not = None if link == 'ring' else two_processes(link)
        if why_not:
            print(f'{name} over {link}: left out: {why_not}')
            continue
        told, output = shape(program, name, ['--link', link, '--side', f'macswap={side}',
                                             '--side', f'kernel={side}', *options],
                             {'macswap', 'kernel'}, figures)
        expect('the link', told['config']['link'] == link, output)
        yield told, output


def lifecycle(program):
    """Six packets each, none sent again; what fails or leaks would be an exit status of 1."""
    for told, output in links(program, 'lifecycle', [],
                              ['lifecycles_per_s_64', 'packets_per_s_64', 'packets_a_lifecycle_64',
                               'cycles_a_lifecycle_64', 'reused_per_s_64', 'connect_p99_64']):
        median = told['median']
        expect('there were some', median['lifecycles_per_s_64'] > 0, output)
        # ARP, and on a loaded machine a segment sent again
        expect('six packets each, or little more', 5.9 < median['packets_a_lifecycle_64'] < 8, output)
        expect('all of them are in TIME-WAIT', median['time_wait_left_64'] > 0, output)
    code, output, _ = run(program, ['--no-huge', '--', 'bench', 'lifecycle', '--quick', '--side',
                                    'x=false'], LIMIT)
    expect(f'a side that fails: exit status 1, not {code}', code == 1 and 'has failed' in output, output)
    code, output, _ = run(program, ['--no-huge', '--', 'bench', 'lifecycle', '--quick', '--side',
                                    'x=echo 7'], LIMIT)
    expect(f'a side without an object: 1, not {code}', code == 1 and 'must print' in output, output)


def idle(program):
    told, output = shape(program, 'idle', ['--connections', '1k', '--keepalive-idle', '500ms'], set(),
                         ['open_rate_1k', 'echo_p99', 'probe_lag_p999', 'probe_disturbed', 'probe_core', 'reset_rate',
                          'bytes_tcb', 'bytes_table', 'bytes_timewait', 'bytes_computed'])
    expect('a TCB is two lines', told['median']['bytes_tcb'] == 128, output)
    parts = ('tcb', 'table', 'timewait', 'ports', 'queues', 'mbufs')
    expect('the parts are no more than the whole', sum(told['median'][f'bytes_{p}'] for p in parts)
           <= told['median']['bytes_computed'], output)


def synflood(program):
    told, output = shape(program, 'synflood', ['--client-rate', '1k', '--flood-rate', '200k'],
                         {'cookies off'},
                         ['rate_before', 'success', 'p99', 'flood_rate', 'cookie_rate', 'half_open',
                          'success_saturated', 'recovery'])
    off = told['compared']['cookies off']['median']
    expect('a flood', told['median']['flood_rate'] > 0 and off['flood_rate'] > 0, output)
    expect('cookies', told['median']['cookie_rate'] > 0, output)
    expect('no cookies without them', off['cookie_rate'] == 0, output)
    expect('they come through without a flood',
           told['median']['success_before'] > 0 and off['success_before'] > 0, output)


def rr(program):
    """A request and its answer are two packets, or three where a delayed ACK is due in between."""
    for told, output in links(program, 'rr', [],
                              ['requests_per_s_200', 'packets_per_s_200', 'packets_a_request_200',
                               'cycles_a_request_200', 'response_p99_200', 'opened_per_s_200']):
        expect('there were some', told['median']['requests_per_s_200'] > 0, output)
        expect('about two or three packets each', 1 < told['median']['packets_a_request_200'] < 6, output)


def stream(program):
    """Every byte that was sent has come in; else the exit status would be 1."""
    for told, output in links(program, 'stream', [],
                              ['gbit_per_s_1_mtu1500', 'gbit_per_s_4_mtu1500', 'acks_per_s_1_mtu1500',
                               'cycles_a_packet_1_mtu1500']):
        expect('something came', told['median']['gbit_per_s_1_mtu1500'] > 0, output)
        expect('jumbo frames where the link has them',
               ('gbit_per_s_4_mtu9000' in told['median']) == (told['config']['link'] == 'ring'), output)


def latency(program):
    """Quantiles in order, alone and at half load."""
    for told, output in links(program, 'latency', [],
                              ['p50_us', 'p99_us', 'p999_us', 'half_p50_us', 'half_p99_us',
                               'half_p999_us', 'requests_per_s_most', 'requests_per_s_half']):
        for r in told['runs']:
            for half in ('', 'half_'):
                expect('quantiles in order', 0 < r[half + 'p50_us'] <= r[half + 'p99_us']
                       <= r[half + 'p999_us'], output)
            expect('some at half load', r['requests_per_s_half'] > 0, output)


def mixed(program):
    told, output = shape(program, 'mixed', ['--idle', '1k'], set(),
                         ['churn_rate', 'churn_drift', 'echo_rate', 'echo_drift', 'memory_drift',
                          'pool_drift', 'unbalanced'])
    expect('lifecycles and echoes',
           told['median']['churn_rate'] > 0 and told['median']['echo_rate'] > 0, output)
    expect('all of them end as they should', told['median']['churn_success'] == 100, output)
    expect('counters account for everything', told['median']['unbalanced'] == 0, output)


def errors(program):
    """What does not allow a start: one line that says what, exit status 2."""
    for args, words in ((['bench'], 'no bench'),
                        (['bench', 'nothing'], 'no such bench'),
                        (['bench', '--nothing'], 'no such option'),
                        (['bench', 'wheel', '--max', '999'], '--max: '),
                        (['bench', 'wheel', '--repeat', '0'], '--repeat: '),
                        (['bench', 'wheel', '--repeat', '101'], '1 to 100'),
                        (['bench', 'table', '--max', '17M'], '1,000 to 16,000,000'),
                        (['bench', 'timewait', '--entries', 'many'], '--entries: '),
                        (['bench', 'timewait', '--list'], 'no such option'),
                        (['bench', 'lifecycle', '--link', 'wire'], 'ring, memif or vhost'),
                        (['bench', 'lifecycle', '--concurrency', '1k,x'], '--concurrency: '),
                        (['bench', 'lifecycle', '--concurrency', '2M'], '1 to 1,000,000'),
                        (['bench', 'lifecycle', '--addresses', '0'], '--addresses: '),
                        (['bench', 'lifecycle', '--side', 'nothing'], 'NAME=COMMAND'),
                        (['bench', 'lifecycle', '--side', 'a=b', '--side', 'a=c'], 'stands twice'),
                        (['bench', 'rr', '--connections', '1k,2k,3k,4k,5k,6k,7k,8k,9k'], 'at most 8'),
                        (['bench', 'stream', '--mtu', '500'], '--mtu: '),
                        (['bench', 'stream', '--link', 'memif', '--mtu', '9000'], 'has 1500 alone'),
                        (['bench', 'latency', '--seconds', '1ms'], '--seconds: '),
                        (['bench', 'wheel', '--side', 'a=b'], 'compares by itself'),
                        (['bench', 'idle', '--connections', '999'], '--connections: '),
                        (['bench', 'idle', '--keepalive-idle', '1ms'], '500ms to 7,200s'),
                        (['bench', 'synflood', '--flood-rate', '999'], '--flood-rate: '),
                        (['bench', 'synflood', '--on-link', '101'], '0 to 100'),
                        (['bench', 'mixed', '--duration', '100ms'], '--duration: '),
                        (['bench', 'wheel', 'table'], 'unexpected argument')):
        code, output, told = run(program, args, LIMIT)
        last = output.strip().splitlines()[-1] if output.strip() else ''
        expect(f'{args}: exit status 2, not {code}', code == 2, output)
        expect(f'{args}: the last line names {words}', last.startswith('polltcp') and words in last,
               output)
        expect(f'{args}: no report', told is None, output)
    done = subprocess.run([program, 'bench', '--list'], capture_output=True, text=True, check=True)
    expect('the list of all', done.stdout.split() == [c for c in CASES if c != 'errors'],
           done.stdout)
    for args in (['bench', '--help'], ['bench', 'wheel', '--help']):
        done = subprocess.run([program, *args], capture_output=True, text=True, check=True)
        expect(f'{args}: the options', '--repeat N' in done.stdout, done.stdout)


CASES = {case.__name__: case for case in (wheel, table, timewait, turns, lifecycle, rr, stream, latency, idle, synflood,
                                          mixed, errors)}

if __name__ == '__main__':
    if len(sys.argv) != 3 or sys.argv[2] not in CASES:
        sys.exit(f"usage: bench.py PROGRAM {'|'.join(CASES)}")
    CASES[sys.argv[2]](sys.argv[1])
