"""Measure the runs of a group, interleaved: round by round, each run once a
round. The server is the one of test/server in PGHOST.

Every round has a server of its own: where the server's data structures are in
memory is decided when it starts, and the luck of some addresses (hashed
pointers) makes more difference than what is to be measured.
"""
import os
import re
import statistics
import subprocess
import threading
from pathlib import Path

HERE = Path(__file__).parent
DIR = os.environ['PGHOST']
SERVER = HERE.parent / 'server'


def command(*args, stdin=None, check=True):
    done = subprocess.run(args, input=stdin, text=True, capture_output=True)
    if check and done.returncode != 0:
        raise SystemExit(f'{" ".join(map(str, args))}\n{stdin or ""}\n{done.stdout}{done.stderr}')
    return done.stdout


def pg(program, *args, **kwargs):
    return command(f"{os.environ['PGBIN']}/{program}", *args, **kwargs)


def psql(database, sql, check=True):
    return pg('psql', '-XqAt', '-v', f'ON_ERROR_STOP={int(check)}', '-d', database, '-f', '-', stdin=sql, check=check)


def make_database(group):
    """A database for a group, with a schema for each of its peers."""
    pg('createdb', group.name)
    psql(group.name, f'\\i {HERE}/common.sql')
    for peer in dict.fromkeys(run.peer for run in group.runs.values()):
        psql(group.name, f'''
            SET client_min_messages = warning;
            CREATE SCHEMA {peer};
            SET search_path = {peer}, public;
            \\i {HERE}/setup.sql
            {group.data}
            \\i {HERE}/peers/{peer}.sql
        ''')
    psql(group.name, 'VACUUM ANALYZE; CHECKPOINT;')


def restart(group):
    command(SERVER, 'restart', DIR)
    psql(group.name, """SELECT count(pg_prewarm(oid)) FROM pg_class
        WHERE relkind IN ('r', 'i') AND relnamespace::regnamespace::text !~ '^(pg_|information_schema)'""")


def fill(sql, n):
    return sql.replace('{n}', str(n)).replace('{dir}', DIR)


def prepare(group, run):
    return fill('\n'.join((f'SET search_path = {run.peer}, public;', *run.before)) + '\n', group.n)


def time_statement(group, run):
    """Milliseconds that a statement takes, as psql has it."""
    work = f'BEGIN;\n\\timing on\n{run.work}\n\\timing off\nROLLBACK;\n' * run.repeat
    times = []
    for _ in range(group.sessions):
        output = psql(group.name, prepare(group, run) + fill(work, group.n), check=not run.fails)
        found = re.findall(r'^Time: ([0-9.]+) ms', output, re.M)
        assert len(found) == run.repeat, output
        times += map(float, found)
    return statistics.median(times)


def pgbench(group, run):
    psql(group.name, prepare(group, run))
    os.environ['PGOPTIONS'] = f'-c search_path={run.peer},public'
    try:
        return pg('pgbench', '-n', '-r', '-M', 'prepared', '-c', str(group.clients), '-j', str(min(group.clients, 2)),
                  '-t', str(group.n // group.clients), '-D', 'id=0', '-f', f'{HERE}/pgbench/{run.work}.sql', group.name)
    finally:
        del os.environ['PGOPTIONS']


def time_transaction(group, run):
    """Milliseconds per transaction."""
    return 1000 / float(re.search(r'^tps = ([0-9.]+)', pgbench(group, run), re.M)[1])


def time_locked(group, run):
    """Milliseconds from a row lock to its release: all that comes after FOR
    UPDATE, or else all of the one statement, the way to it and back included.
    """
    latencies = re.findall(r'^ +([0-9.]+) +(?:[0-9]+ +)?(\S.*)$', pgbench(group, run).partition('latencies')[2], re.M)
    statements = [statement for _, statement in latencies]
    first = next((i + 1 for i, statement in enumerate(statements) if 'FOR UPDATE' in statement), None)
    locked = latencies[first:] if first else [l for l in latencies if l[1].startswith('SELECT')]
    assert locked, latencies
    return sum(float(ms) for ms, _ in locked)


def peak_memory(group, run):
    """Kilobytes of its own that a backend takes for a statement, at most."""
    psql(group.name, prepare(group, run))
    session = subprocess.Popen([f"{os.environ['PGBIN']}/psql", '-XqAt', '-d', group.name],
                               stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(sql):
        session.stdin.write(sql + '\n')
        session.stdin.flush()
        return session.stdout.readline()

    pid = int(ask(f'SET search_path = {run.peer}, public; BEGIN; {fill(run.work, 1)} SELECT pg_backend_pid();'))

    def memory():
        return int(re.search(r'RssAnon:\s+([0-9]+) kB', Path(f'/proc/{pid}/status').read_text())[1])

    base = peak = memory()
    worker = threading.Thread(target=ask, args=(f'{fill(run.work, group.n // run.part)} SELECT 1;',))
    worker.start()
    while worker.is_alive():
        peak = max(peak, memory())
        worker.join(0.005)
    session.communicate('ROLLBACK;')
    return peak - base


KINDS = {'statement': time_statement, 'transaction': time_transaction, 'locked': time_locked, 'memory': peak_memory}


def measure(group, rounds):
    """A list with the measures of each round, by run."""
    make_database(group)
    result = []
    names = list(group.runs)
    for _ in range(rounds):
        restart(group)
        result.append({name: KINDS[group.kind](group, group.runs[name]) for name in names})
        names.append(names.pop(0))      # nobody is always the first after a restart
    return result
