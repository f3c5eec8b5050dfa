"""What must never come of an attack."""
import os
import re
import time
from pathlib import Path

import psycopg2

from hostile import array, ident, literal

SLOW = 15  # seconds; statement_timeout is twice that

# A statement of the extension that the server could not make sense of is one
# that it built wrongly: syntax_error, undefined or ambiguous objects.
MISBUILT = {'42601', '42703', '42P01', '42883', '42702', '42725', '42P02', '42804', '42704'}

# What may keep a statement from succeeding that else has to: a timeout, a
# privilege, a read-only transaction, pending trigger events.
EXCUSED = {'57014', '42501', '25006', '55006', '25P02', '40001'}

# What any trigger can provoke in the server, with no extension at all: an
# internal error, by dropping a foreign key while a statement is under way that
# will check it; a failed assertion, by a BEFORE UPDATE trigger that updates and
# inserts rows of the same table, or by a deferred trigger that catches an error
# at COMMIT.
OF_THE_SERVER = {'ri_LoadConstraintInfo'}
ASSERTIONS_OF_THE_SERVER = (
    b'HEAP_XMAX_IS_LOCKED_ONLY(infomask_lock_old_tuple)',
    b's->blockState == TBLOCK_SUBINPROGRESS || s->blockState == TBLOCK_INPROGRESS || ',
)


def judge_error(error, has_to_succeed):
    """What is wrong with an error, or None."""
    state, diag = error.pgcode, error.diag
    if state is None:
        return None  # the connection is lost: the log says why
    where = f'{diag.source_function}, {diag.source_file}:{diag.source_line}'
    if state.startswith('XX') and diag.source_function not in OF_THE_SERVER:
        return (f'internal error at {where}', f'{state}: {error}')
    if state in MISBUILT and diag.internal_query and 'PL/pgSQL' not in (diag.context or ''):
        return (f'bad statement, {where}', f'{state}: {error}')
    if diag.source_file == 'report.c' and not diag.message_detail and not diag.message_hint:
        return (f'neither DETAIL nor HINT at {where}', f'{state}: {error}')
    if has_to_succeed and state not in EXCUSED:
        return (f'had to succeed, {where}', f'{state}: {error}')
    return None


class Log:
    """The server's, which knows of what the client does not see."""

    # what the severity of a line may be, and what it says
    PROBLEMS = [
        ('crash', rb'', rb'TRAP: |PANIC: |was terminated by signal'),
        ('a statement that was not asked for', rb'LOG: ', rb'CANARY SINGS|UNASKED STATEMENT'),
        ('leak', rb'WARNING: ', rb'leak|SPI stack|still referenced'),
    ]

    def __init__(self):
        self.path = Path(os.environ['FUZZ_LOG'])
        self.offset = 0
        self.excused = False    # the next crash is the server's own
        self.own_crashes = 0

    def problems(self):
        with self.path.open('rb') as log:
            log.seek(self.offset)
            new = log.read()
            self.offset = log.tell()
        for line in new.splitlines():
            if b'TRAP: ' in line and any(text in line for text in ASSERTIONS_OF_THE_SERVER):
                self.excused = True
                self.own_crashes += 1
                continue
            if self.excused and b' was terminated by signal ' in line:
                self.excused = False
                continue
            for problem, severity, message in self.PROBLEMS:
                # a message may be as long as what was sent, and of several lines; ours are short ones
                if not line.startswith(b'\t') and severity in line[:60] and re.search(message, line[:300]):
                    yield (problem, line.decode('latin-1'))

    def wait(self):
        """A crash is logged a moment after the client sees it."""
        time.sleep(2)


class Findings:
    """Each once, with the statements of its world in a file."""

    def __init__(self, seed):
        self.seed = seed
        self.known = {}

    def add(self, problem, where, statements):
        kind, message = problem
        message = message.encode('ascii', 'backslashreplace').decode()[:1500]
        key = (kind, message if kind in ('crash', 'leak') else '')
        self.known[key] = self.known.get(key, 0) + 1
        if self.known[key] > 1:
            return
        path = Path(os.environ['FUZZ_FINDINGS']) / f'{len(self.known)}.sql'
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b';\n'.join(s.encode('utf-8', 'surrogateescape') for s in statements))
        last = next((s for s in reversed(statements)), '')[:1500].encode('ascii', 'backslashreplace').decode()
        print(f'\n>>> {kind}\n    {where}, seed {self.seed}; its statements are in {path}\n    {message}\n    after: {last}', flush=True)

    def __str__(self):
        return f'{len(self.known)} findings' if self.known else 'nothing found'


def session_works(execute, query):
    """After whatever, the guard that nobody attacks refuses what it should, and books what it may."""
    try:
        execute('DELETE FROM public.fuzz_service WHERE id = 1')
        return ('the guard beside does not refuse', '')
    except psycopg2.Error as error:
        if error.pgcode != '23503' or error.diag.source_file != 'report.c':
            return ('the guard beside fails', str(error))
    try:
        execute("INSERT INTO public.fuzz_booking VALUES (2, 2, 'PENDING', '2199-01-01')")
        execute('DELETE FROM public.fuzz_booking WHERE id = 2')
        execute('DELETE FROM public.fuzz_service WHERE id = 2')
        execute('INSERT INTO public.fuzz_service VALUES (2)')
    except psycopg2.Error as error:
        return ('the guard beside refuses too much', str(error))
    if query('SELECT count(*) AS n FROM public.fuzz_bait')[0]['n'] != 1:
        return ('a statement that was not asked for', 'the bait is gone')
    return None


def upcoming(guard, column, kind):
    zone = literal(guard['time_zone'])
    today = f'(now() AT TIME ZONE {zone})::date'
    local = f'(now() AT TIME ZONE {zone})'
    return {
        'timestamptz': f'{column} >= now()',
        'timestamp': f'{column} >= {local}',
        'date': f'{column} >= {today}',
        'tstzrange': f'NOT isempty({column}) AND (upper_inf({column}) OR upper({column}) > now())',
        'tsrange': f'NOT isempty({column}) AND (upper_inf({column}) OR upper({column}) > {local})',
        'daterange': f'NOT isempty({column}) AND (upper_inf({column}) OR upper({column}) > {today})',
    }[kind]


def broken_promises(query, db):
    """At every commit, each upcoming, active booking still has its service."""
    for guard in query(f"SELECT * FROM {db.function('booking_guards')} WHERE mode = 'enforce'"):
        if None in (guard['service_table'], guard['booking_table'], guard['booking_key'], guard['service_key']):
            continue
        types = {row['name']: row['type'] for row in query(f'''
            SELECT attname::text AS name, format_type(coalesce(nullif(typbasetype, 0), atttypid), -1) AS type
            FROM pg_attribute JOIN pg_type t ON t.oid = atttypid
            WHERE attrelid = {literal(guard['booking_table'])}::regclass AND attnum > 0''')}
        pairs = list(zip(guard['booking_key'], guard['service_key']))
        if not all(name in types for name in guard['booking_key']):
            continue
        conditions = [f'b.{ident(name)} IS NOT NULL' for name in guard['booking_key']]
        if guard['status_column'] in types:
            status = f"b.{ident(guard['status_column'])}"
            listed = array(guard['blocking_statuses'] or guard['free_statuses']) + f"::{types[guard['status_column']]}[]"
            conditions.append(f'{status} = ANY ({listed})' if guard['blocking_statuses'] else f'{status} <> ALL ({listed})')
        if guard['inactive_column'] in types:
            conditions.append(f"b.{ident(guard['inactive_column'])} IS NULL")
        if guard['time_column'] in types:
            kind = types[guard['time_column']].replace(' without time zone', '').replace('timestamp with time zone', 'timestamptz')
            column = f"b.{ident(guard['time_column'])}"
            conditions.append(f'({column} IS NULL OR ({upcoming(guard, column, kind)}))')
        same = ' AND '.join(f's.{ident(service)} = b.{ident(booking)}' for booking, service in pairs)
        try:
            lost = query(f'''SELECT count(*) AS n FROM {guard['booking_table']} b WHERE {' AND '.join(conditions)}
                AND NOT EXISTS (SELECT FROM {guard['service_table']} s WHERE {same})''')[0]['n']
        except psycopg2.Error as error:
            yield ('the promise cannot be checked', str(error))
            continue
        if lost:
            yield ('the promise is broken', f"{lost} bookings of {guard['definition']}")
