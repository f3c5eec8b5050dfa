"""What is measured: groups of runs that are interleaved, and the rows of the
table, which are ratios over a group's runs.

A run is some work on the tables of one peer (see peers/). {n} in its SQL is
how much of it to do: `n` where time is measured, `few` where instructions are.
"""
from dataclasses import dataclass, field
from typing import Callable


@dataclass
class Run:
    peer: str
    work: str                   # the statement that is measured, or a script in pgbench/
    before: tuple = ()          # statements that put the tables into their state; not measured
    repeat: int = 1             # times in one session; the median counts
    fails: bool = False         # the statement is refused
    part: int = 1               # of n, only so much
    count: str = None           # count the instructions of this instead, outside a transaction


@dataclass
class Group:
    name: str
    data: str                   # fills the tables, once for each peer
    runs: dict                  # name -> Run
    n: int = 1
    few: int = 0                # 0: instructions are not counted
    rounds: int = 15
    kind: str = 'statement'     # see measure.py
    sessions: int = 1
    clients: int = 1


@dataclass
class Row:
    name: str                   # as given on the command line
    title: str
    group: Group
    ratio: Callable             # of the runs' measures
    target: float = None        # None: reported for comparison
    stretch: float = None
    at_least: bool = False


def over(a, b):
    return lambda m: m[a] / m[b]


def added_over(a, b, none='none', none_b=None):
    """What a adds, over what b adds."""
    return lambda m: (m[a] - m[none]) / (m[b] - m[none_b or none])


INDEX = "CREATE INDEX ON booking (service_id, date);"
PARTIAL = "CREATE INDEX ON booking (service_id, date) WHERE status IN ('PENDING', 'CONFIRMED');"
SERVICES = "INSERT INTO service SELECT i, 'Service ' || i FROM generate_series(1, {}) AS i;"

#
# Deleting many services
#
DELETE = "DELETE FROM service WHERE id <= {n};"

delete = Group('delete', n=20000, few=2000, data=f"""
    {INDEX} {SERVICES.format(40000)}
    INSERT INTO booking SELECT i, 20001 + i % 20000, now() + interval '1 day' * (1 + i % 300), 'CONFIRMED'
      FROM generate_series(1, 100000) AS i;""",
    runs={peer: Run(peer, DELETE) for peer in ('none', 'fk', 'plpgsql', 'refint', 'guard')})

delete_history = Group('delete_history', n=20000, few=2000, data=f"""
    {PARTIAL} {SERVICES.format(20000)}
    INSERT INTO booking SELECT i, 1 + i % 20000,
           now() + interval '1 day' * CASE WHEN i % 3 = 0 THEN i % 300 + 1 ELSE - i % 300 - 1 END,
           CASE WHEN i % 3 = 0 THEN 'CANCELLED' ELSE 'CONFIRMED' END::booking_status
      FROM generate_series(1, 200000) AS i;""",
    runs={peer: Run(peer, DELETE) for peer in ('none', 'plpgsql', 'guard')})

#
# Making bookings: 10,000 services, every booking upcoming and active
#
BOOKINGS = f"""
    {INDEX} {SERVICES.format(10000)}
    CREATE TABLE source AS
    SELECT i AS id, 1 + (i::bigint * 7919 % 10000)::integer AS service_id,
           now() + interval '1 day' + interval '1 minute' * (i::bigint * 104729 % 400000) AS date,
           'CONFIRMED'::booking_status AS status, NULL::text AS note
      FROM generate_series(1, 100000) AS i;"""
TRUNCATE = ("TRUNCATE booking;",)
PEERS = ('none', 'fk', 'guard', 'fk_guard', 'fk_noop')
INSERT = "INSERT INTO booking SELECT * FROM source LIMIT {n};"

insert = Group('insert', n=100000, few=5000, data=BOOKINGS,
               runs={peer: Run(peer, INSERT, TRUNCATE) for peer in PEERS})

# Instructions are counted for COPYs of few rows, which escape the luck of
# addresses (see page.md).
copy = Group('copy', n=100000, few=50, rounds=25, data=BOOKINGS, runs={
    peer: Run(peer, "COPY booking FROM '{dir}/copy.{n}';",
              TRUNCATE + ("COPY (SELECT * FROM source LIMIT {n}) TO '{dir}/copy.{n}';",),
              count="DO $$ BEGIN FOR i IN 1..100 LOOP COPY booking FROM '{dir}/copy.{n}'; END LOOP; END $$;") for peer in PEERS})

#
# Changing bookings
#


def loaded(status):
    """The tables with {n} bookings of that status, loaded past all triggers."""
    return ("SET session_replication_role = replica;",
            "TRUNCATE booking;",
            f"INSERT INTO booking SELECT id, service_id, date, '{status}', note FROM source LIMIT {{n}};",
            "RESET session_replication_role;",
            "VACUUM booking;")


NOTE = "UPDATE booking SET note = 'window seat';"
CONFIRM = "UPDATE booking SET status = 'CONFIRMED';"

update = Group('update', n=60000, few=5000, data=BOOKINGS, runs={
    f'{name}/{peer}': Run(peer, work, loaded(status))
    for name, work, status in (('note', NOTE, 'CONFIRMED'), ('confirm', CONFIRM, 'PENDING')) for peer in ('none', 'noop', 'guard')})

reconfirm = Group('reconfirm', n=60000, few=5000, data=BOOKINGS, runs={
    'none': Run('none', CONFIRM, loaded('CANCELLED')), 'guard': Run('guard', CONFIRM, loaded('CANCELLED')),
    'insert': Run('none', INSERT, TRUNCATE), 'insert_fk': Run('fk', INSERT, TRUNCATE)})

#
# One service
#
HISTORY = f"""
    {PARTIAL} {SERVICES.format(1000)}
    INSERT INTO booking SELECT i, 1, now() - interval '1 minute' * i, 'CONFIRMED' FROM generate_series(1, 1000000) AS i;
    INSERT INTO booking SELECT i, 1, now() + interval '1 minute' * i, 'CANCELLED' FROM generate_series(1, 200000) AS i;"""
TIMES = 100


def undone(statement):
    """The run that does and undoes it many times in one message, so that no time is spent between client and server."""
    return Run('guard', r'SAVEPOINT s\; ' + rf'{statement} ROLLBACK TO s\; ' * TIMES + 'RELEASE s;', repeat=25,
               count='BEGIN; SAVEPOINT s; ' + f'{statement} ROLLBACK TO s; '.replace('\\;', ';') * TIMES + 'ROLLBACK;')


past = Group('past', few=1, data=HISTORY, runs={
    'none': undone(r'DELETE FROM service WHERE id = 2\;'),
    'million': undone(r'DELETE FROM service WHERE id = 1\;'),
    'nothing': undone('')})

refuse = Group('refuse', rounds=9, data=f"""
    {PARTIAL} {SERVICES.format(1000)}
    INSERT INTO booking SELECT i, 1, now() + interval '1 hour' + interval '1 minute' * i,
           CASE WHEN i % 4 = 0 THEN 'PENDING' ELSE 'CONFIRMED' END::booking_status
      FROM generate_series(1, 1000000) AS i;""",
    runs={'refused': Run('guard', "DELETE FROM service WHERE id = 1;", fails=True),
          'select': Run('guard', """SELECT status, count(*), min(date) FROM booking
                WHERE service_id = 1 AND status IN ('PENDING', 'CONFIRMED') AND date >= now() GROUP BY status;""")})

first = Group('first', sessions=5, rounds=31, data=f"{INDEX} {SERVICES.format(1000)}", runs={
    peer: Run(peer, "DELETE FROM service WHERE id = 1;") for peer in ('none', 'fk', 'guard')})

#
# Many sessions, or many statements
#
hot = Group('hot', n=9600, clients=16, few=2000, rounds=41, kind='transaction', data=f"{INDEX} {SERVICES.format(1000)}", runs={
    peer: Run(peer, 'book', TRUNCATE, count="""DO $$ BEGIN FOR i IN 1..{n} LOOP
        INSERT INTO booking VALUES (i, 1, now() + interval '1 day', 'CONFIRMED', NULL); COMMIT; END LOOP; END $$;""") for peer in ('fk', 'fk_guard', 'fk_noop')})

VERDICTS = f"""
    {INDEX}
    INSERT INTO service SELECT i, 'Service ' || i FROM generate_series(200000, 201000) AS i;
    INSERT INTO booking SELECT i, 200000 + i % 1000, now() + interval '1 day' * (1 + i / 1000), 'CONFIRMED'
      FROM generate_series(0, 2999) AS i;"""
AGAIN = (SERVICES.format('{n}').replace(';', ' ON CONFLICT DO NOTHING;'), "VACUUM service;")

verdict = Group('verdict', n=10000, rounds=15, kind='transaction', data=VERDICTS, runs={
    'five': Run('none', 'five', AGAIN), 'safe': Run('guard', 'safe', AGAIN), 'delete': Run('none', 'delete', AGAIN),
    'five_blocked': Run('none', 'five_blocked'), 'safe_blocked': Run('guard', 'safe_blocked')})

locked = Group('locked', n=200, rounds=9, kind='locked', data=VERDICTS, runs={
    'five': Run('none', 'five_network', AGAIN), 'safe': Run('guard', 'safe_network', AGAIN)})

memory = Group('memory', n=1000000, rounds=1, kind='memory', data=f"{INDEX} {SERVICES.format(1000000)}", runs={
    f'{peer}/{part}': Run(peer, DELETE, part=part) for peer in ('fk', 'guard') for part in (10, 1)})

ROWS = [
    Row('delete', 'delete 20,000 services without bookings: what the guard adds, over what the foreign key adds',
        delete, added_over('guard', 'fk'), 1.0, 0.6),
    Row('delete', '- what a PL/pgSQL trigger that counts adds', delete, added_over('plpgsql', 'fk')),
    Row('delete', '- what refint adds', delete, added_over('refint', 'fk')),
    Row('delete_history', 'delete 20,000 services with ten past or cancelled bookings each: what the guard adds, over what PL/pgSQL adds',
        delete_history, added_over('guard', 'plpgsql'), 0.6, 0.4),
    Row('past', 'delete a service with a million past and 200,000 cancelled bookings: over one with none',
        past, added_over('million', 'none', none='nothing'), 1.2),
    Row('refuse', 'refuse a service with a million upcoming bookings: over one SELECT of the same aggregates',
        refuse, over('refused', 'select'), 1.2),
    Row('insert', 'INSERT 100,000 bookings, foreign key present: on over off', insert, over('fk_guard', 'fk'), 1.03),
    Row('insert', '- a trigger in C that does nothing: on over off', insert, over('fk_noop', 'fk')),
    Row('copy', 'COPY 100,000 bookings, foreign key present: on over off', copy, over('fk_guard', 'fk'), 1.03),
    Row('copy', '- a trigger in C that does nothing: on over off', copy, over('fk_noop', 'fk')),
    Row('insert', 'INSERT 100,000 bookings: what the guard adds, over what the foreign key adds',
        insert, added_over('guard', 'fk'), 1.1, 0.9),
    Row('copy', 'COPY 100,000 bookings: what the guard adds, over what the foreign key adds',
        copy, added_over('guard', 'fk'), 1.1, 0.9),
    Row('update', "UPDATE 60,000 bookings' note: on over off", update, over('note/guard', 'note/none'), 1.05),
    Row('update', '- a trigger in C that does nothing: on over off', update, over('note/noop', 'note/none')),
    Row('update', 'UPDATE 60,000 bookings from PENDING to CONFIRMED: on over off', update, over('confirm/guard', 'confirm/none'), 1.05),
    Row('update', '- a trigger in C that does nothing: on over off', update, over('confirm/noop', 'confirm/none')),
    Row('reconfirm', 're-confirm 60,000 bookings: what the guard adds, over what the foreign key adds to an INSERT of as many',
        reconfirm, lambda m: (m['guard'] - m['none']) / (m['insert_fk'] - m['insert']), 1.1),
    Row('hot', '16 clients booking one hot service, foreign key present: throughput on over off',
        hot, over('fk', 'fk_guard'), 0.97, at_least=True),
    Row('hot', '- a trigger in C that does nothing: throughput on over off', hot, over('fk', 'fk_noop')),
    Row('verdict', 'safe_delete_service(), deleting: throughput over the five statements', verdict, over('five', 'safe'), 2.5, at_least=True),
    Row('verdict', '- a mere prepared DELETE, without a guard', verdict, over('five', 'delete')),
    Row('verdict', 'safe_delete_service(), blocked: throughput over the five statements',
        verdict, over('five_blocked', 'safe_blocked'), 4, at_least=True),
    Row('locked', 'time that the service row is locked, 1 ms of network between statements: over the five statements',
        locked, over('safe', 'five'), 0.3),
    Row('memory', 'memory that a million deletes take more than 100,000: over the same with a foreign key',
        memory, lambda m: (m['guard/1'] - m['guard/10']) / (m['fk/1'] - m['fk/10']), 1.05),
    Row('first', 'first delete in a new session: what the guard adds, over what the foreign key adds',
        first, added_over('guard', 'fk'), 3),
]
