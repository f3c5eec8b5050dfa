"""Play all cases, or with the argument "sample" some that take less than a minute.

WORKERS: how many at once, each in a database of its own. CASES: only those
whose names contain this. The last line is "N passed, N failed": cases.
"""
import multiprocessing
import os
import sys
import time
from collections import Counter

import psycopg2

import cases
import report
from play import Player

# Deadlocks shall end soon. The tables are small: with sequential scans,
# SERIALIZABLE would take everything for a conflict.
OPTIONS = {'search_path': 'shop,public', 'deadlock_timeout': '10ms', 'enable_seqscan': 'off', 'jit': 'off'}


def execute(database, *statements):
    connection = psycopg2.connect(dbname=database)
    connection.autocommit = True
    for statement in statements:
        connection.cursor().execute(statement)
    connection.close()


def server():
    connection = psycopg2.connect(dbname='postgres')
    try:
        return connection.server_version, connection.get_parameter_status('server_version')
    finally:
        connection.close()


def start_worker(numbers):
    global player
    database = f'interleave_{numbers.get()}'
    execute('postgres', f'DROP DATABASE IF EXISTS {database}', f'CREATE DATABASE {database}')
    execute(database, 'CREATE EXTENSION booking_guard')
    os.environ['PGDATABASE'] = database
    os.environ['PGOPTIONS'] = ' '.join(f'-c {name}={value}' for name, value in OPTIONS.items())
    player = Player()


def play(number):
    try:
        return number, *player.play(CASES[number])
    except Exception as error:
        raise RuntimeError(f'{CASES[number]}: {error}') from error


def has_passed(case, tally, sample):
    """The guard must lose nothing, refuse nothing for no reason and raise no
    other error; the sample's other ways must lose something, or it proves nothing.
    """
    if case.way is cases.GUARD:
        return not (tally['broken'] or tally['false refused'] or tally['unexpected'])
    return not sample or tally['broken'] > 0


def main(sample):
    workers = int(os.environ.get('WORKERS', 2 * os.cpu_count()))
    only = os.environ.get('CASES', '')
    version, version_name = server()
    CASES.extend(case for case in (cases.sample if sample else cases.whole)(version) if only in str(case))
    numbers = multiprocessing.Queue()
    for worker in range(workers):
        numbers.put(worker)

    started = shown = time.monotonic()
    total = Counter()
    failed = 0
    results = {}
    with multiprocessing.Pool(workers, start_worker, [numbers]) as pool:
        for number, tally, stories in pool.imap_unordered(play, range(len(CASES))):
            results[number] = CASES[number], tally
            total.update(tally)
            if not has_passed(CASES[number], tally, sample):
                failed += 1
                print('\n\n'.join(stories) or f'lost nothing: {CASES[number]}', '\n', flush=True)
            if time.monotonic() - shown > 10 and not sample:
                shown = time.monotonic()
                print(f"{shown - started:.0f} s: {len(results)} of {len(CASES)} cases, "
                      f"{total['interleavings']:,} interleavings", flush=True)
    results = [results[number] for number in range(len(CASES))]
    print(report.summary(results))
    if not sample and not only:
        report.write(results, version_name, time.monotonic() - started)
    print(f'{len(results) - failed} passed, {failed} failed')
    return failed > 0


CASES = []      # known to the workers, too, as they are forked
if __name__ == '__main__':
    multiprocessing.set_start_method('fork')
    sys.exit(main('sample' in sys.argv[1:]))
