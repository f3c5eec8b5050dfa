"""The promise under load: on every layout of the tables, with the guard and without.

Run by "run stress", on the server of test/server in PGHOST. TRANSACTIONS: how many, with the guard.
"""
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import psycopg2

from load import Load, jobs, parse

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / 'doc/proof/stress.md'
MILLION = 1_000_000
CLIENTS = 24
EXPECTED = {'23503', '40001', '40P01', '55P03', '57014', 'lost'}
# a foreign key forbids TRUNCATE; a terminated backend may still be busy with what another now completes
ALSO_EXPECTED = {'truncate': {'0A000'}, 'complete': {'42704', '55000'}}

# name, partitioned, foreign key, retiring: a guard that retires services leaves nothing to a foreign key
LAYOUTS = (
    ('plain tables', 0, '', 1),
    ('plain tables, foreign key ON DELETE CASCADE', 0, 'ON DELETE CASCADE', 0),
    ('partitioned tables', 1, '', 1),
    ('partitioned tables, foreign key ON DELETE SET NULL ON UPDATE CASCADE', 1, 'ON DELETE SET NULL ON UPDATE CASCADE', 0),
)


class Run:
    """One load on one layout, in a database of its own, which is checked all along and at the end."""

    def __init__(self, number, layout, transactions, guarded=True, careful=False):
        self.name, partitioned, foreign_key, retiring = layout
        self.guarded = guarded
        self.careful = careful
        self.database = f'stress_{number}'
        self.transactions = transactions
        self.retiring = retiring
        self.problems = []
        command('createdb', self.database)
        command('psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-d', self.database, '-v', f'partitioned={partitioned}',
                '-v', f'foreign_key={foreign_key}', '-v', f'retiring={retiring}', '-v', f'guarded={int(guarded)}',
                '-f', HERE / 'schema.sql')

    def go(self):
        flags = [flag for flag, on in (('--careful', self.careful), ('--retiring', self.retiring)) if on]
        load = Load(parse([f'dbname={self.database}', f'--clients={CLIENTS}',
                           f'--transactions={self.transactions}', *flags]))
        start = time.monotonic()
        load.start()
        checker = psycopg2.connect(dbname=self.database)
        checker.autocommit = True
        cursor = checker.cursor()
        self.checks = 0
        found = set()
        while load.running():
            cursor.execute('SELECT what, booking_id, service_id FROM broken')
            found.update(cursor.fetchall())
            self.checks += 1
            time.sleep(0.05)
        self.tally = load.finish()
        self.seconds = time.monotonic() - start
        cursor.execute('SELECT what, booking_id, service_id FROM broken')
        found.update(cursor.fetchall())
        self.checks += 1
        self.lost = len({booking for _, booking, _ in found})
        self.judge(cursor, found)
        checker.close()

    def judge(self, cursor, found):
        if not self.guarded:
            if not self.lost:
                self.problems.append('Without the guard nothing was lost: this load proves nothing.')
            return
        self.problems += [f'{what}: booking {booking}, service {service}' for what, booking, service in sorted(found)]
        for key, n in self.tally.items():
            job, _, code = key.partition(' ')
            if re.match(r'[0-9A-Z]{5}|unknown', code) and code not in EXPECTED | ALSO_EXPECTED.get(job, set()):
                self.problems.append(f'{n} times {key}')
        if self.count('lost') > self.tally['terminates sent']:
            self.problems.append('More connections were lost than terminated.')
        idle = [job.name for job in jobs(self.careful, self.retiring)
                if not any(key.startswith(f'{job.name} ') for key in self.tally)]
        if idle:
            self.problems.append(f'never tried: {" ".join(idle)}')
        cursor.execute("SELECT guard, problem FROM booking_guard_health() WHERE severity = 'error'")
        self.problems += [f'booking_guard_health(): {guard}: {problem}' for guard, problem in cursor]

    def count(self, code):
        return sum(n for key, n in self.tally.items() if key.endswith(f' {code}'))

    def total(self):
        return sum(self.tally[end] for end in ('committed', 'rolled back', 'refused'))

    def row(self):
        title = self.name + ('' if self.guarded else '; guard off, the careful jobs alone' if self.careful else '; guard off')
        return [title, self.total(), self.tally['committed'], self.tally['refused'],
                *map(self.count, ('23503', '40001', '40P01', '55P03', '57014', 'lost')), self.checks, self.lost]


HEADER = ('tables', 'transactions', 'committed', 'ended by an error', '23503', '40001', '40P01', '55P03', '57014',
          'terminated', 'checks', 'lost')


def command(program, *args):
    done = subprocess.run([f"{os.environ['PGBIN']}/{program}", *args], text=True, capture_output=True)
    if done.returncode != 0:
        raise SystemExit(f'{program} {" ".join(map(str, args))}\n{done.stdout}{done.stderr}')
    return done.stdout.strip()


def table(runs):
    lines = [HEADER, ['---'] + ['---:'] * (len(HEADER) - 1)] + [run.row() for run in runs]
    return '\n'.join('| ' + ' | '.join(f'{cell:,}' if isinstance(cell, int) else cell for cell in line) + ' |' for line in lines)


def page(guarded, unguarded):
    done = sum(run.total() for run in guarded)
    lost = sum(run.lost for run in guarded)
    jobs_done = {job.name: sum(run.tally[f'{job.name} done'] for run in guarded) for job in jobs(retiring=True)}
    return f"""\
# Under load

`make stress`, {command('postgres', '--version')}, {os.cpu_count()} cores. {CLIENTS} clients on about eight services of four tenants.

With the guard: **{done:,} transactions, {lost or 'no'} booking{'' if lost == 1 else 's'} lost**, in {sum(run.seconds for run in guarded) / 60:.0f} minutes.
The same load with the guard off loses {sum(run.lost for run in unguarded if not run.careful):,} in \
{sum(run.total() for run in unguarded if not run.careful):,} transactions; without those jobs that \
delete or retire a service before they have looked for bookings, {sum(run.lost for run in unguarded if run.careful):,} \
in {sum(run.total() for run in unguarded if run.careful):,}.

{table(guarded + unguarded)}

Every transaction is one to three jobs, at a random isolation level, some in savepoints, some of them undone to those, some rolled back at the
end, some under a `statement_timeout` or `lock_timeout` of 1 to 20 ms; {sum(run.tally['cancels sent'] for run in guarded):,} cancels \
and {sum(run.tally['terminates sent'] for run in guarded):,} terminations hit random backends.
A ledger is written in the bookers' own transactions. *Checks* is how often another session compared it with the tables, all along and
at the end. An error with any other SQLSTATE than these fails the run (0A000 aside: `TRUNCATE` of a table with a foreign key to it).

Jobs done, with the guard: {', '.join(f'{name} {n:,}' for name, n in jobs_done.items())}.
"""


def main():
    transactions = int(os.environ.get('TRANSACTIONS') or MILLION)
    todo = [(layout, transactions // len(LAYOUTS), True, False) for layout in LAYOUTS] + \
           [(layout, max(transactions // 40, 2000), False, careful) for careful in (False, True) for layout in LAYOUTS]
    runs = []
    for number, (layout, share, guarded, careful) in enumerate(todo):
        run = Run(number, layout, share, guarded, careful)
        run.go()
        title, *figures = run.row()
        print(f'{title}:', ', '.join(f'{name} {n}' for name, n in zip(HEADER[1:], figures)), flush=True)
        for problem in run.problems:
            print(f'    {problem}', flush=True)
        runs.append(run)

    guarded = [run for run in runs if run.guarded]
    if transactions >= MILLION:
        PAGE.parent.mkdir(exist_ok=True)
        PAGE.write_text(page(guarded, [run for run in runs if not run.guarded]))
    problems = sum(len(run.problems) for run in runs)
    print(f'\n{sum(run.total() for run in guarded)} transactions with the guard, {sum(run.lost for run in guarded)} bookings lost, '
          f'{problems} problems')
    sys.exit(problems > 0)


main()
