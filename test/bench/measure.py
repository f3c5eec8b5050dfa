"""Time the runs of a group on a running server, interleaved: round by round,
each run once a round. PGBIN, PGHOST, PGPORT and PGUSER say where; the bench's
folder on the server's side is PGHOST.
"""
import os
import re
import statistics
import subprocess
from pathlib import Path

HERE = Path(__file__).parent
DIR = os.environ['PGHOST']


def pg(program, *args, stdin=None, check=True):
    done = subprocess.run([f"{os.environ['PGBIN']}/{program}", *args], input=stdin, text=True, capture_output=True)
    if check and done.returncode != 0:
        raise SystemExit(f'{program} {" ".join(args)}\n{stdin or ""}\n{done.stdout}{done.stderr}')
    return done.stdout


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


def fill(sql, n):
    return sql.replace('{n}', str(n)).replace('{dir}', DIR)


def time_statement(group, run):
    """Milliseconds that a statement took, as psql has it."""
    before = '\n'.join(run.before)
    work = f'BEGIN;\n\\timing on\n{run.work}\n\\timing off\nROLLBACK;\n' * run.repeat
    output = psql(group.name, fill(f'SET search_path = {run.peer}, public;\n{before}\n{work}', group.n))
    times = [float(t) for t in re.findall(r'^Time: ([0-9.]+) ms', output, re.M)]
    assert len(times) == run.repeat, output
    return statistics.median(times)


KINDS = {'statement': time_statement}


def measure(group, rounds):
    """A list with the measures of each round, by run."""
    make_database(group)
    result = []
    for number in range(rounds + 1):
        measures = {name: KINDS[group.kind](group, run) for name, run in group.runs.items()}
        if number > 0:          # the first warms everything up
            result.append(measures)
    return result
