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
    work: str                   # the statement that is measured
    before: tuple = ()          # statements that put the tables into their state; not measured
    repeat: int = 1             # times in one session; the median counts


@dataclass
class Group:
    name: str
    data: str                   # fills the tables, once for each peer
    runs: dict                  # name -> Run
    n: int = 1
    few: int = 1
    rounds: int = 15
    kind: str = 'statement'


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
PEERS = ('none', 'fk', 'guard', 'fk_guard')
INSERT = "INSERT INTO booking SELECT * FROM source LIMIT {n};"

insert = Group('insert', n=100000, few=5000, data=BOOKINGS,
               runs={peer: Run(peer, INSERT, TRUNCATE) for peer in PEERS})

copy = Group('copy', n=100000, few=5000, data=BOOKINGS, runs={
    peer: Run(peer, "COPY booking FROM '{dir}/copy.{n}';",
              TRUNCATE + ("COPY (SELECT * FROM source LIMIT {n}) TO '{dir}/copy.{n}';",)) for peer in PEERS})

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
    'note': Run('none', NOTE, loaded('CONFIRMED')), 'note_guard': Run('guard', NOTE, loaded('CONFIRMED')),
    'confirm': Run('none', CONFIRM, loaded('PENDING')), 'confirm_guard': Run('guard', CONFIRM, loaded('PENDING'))})

reconfirm = Group('reconfirm', n=60000, few=5000, data=BOOKINGS, runs={
    'none': Run('none', CONFIRM, loaded('CANCELLED')), 'guard': Run('guard', CONFIRM, loaded('CANCELLED')),
    'insert': Run('none', INSERT, TRUNCATE), 'insert_fk': Run('fk', INSERT, TRUNCATE)})

ROWS = [
    Row('delete', 'delete 20,000 services without bookings: what the guard adds, over what the foreign key adds',
        delete, added_over('guard', 'fk'), 1.0, 0.6),
    Row('delete', '- what a PL/pgSQL trigger that counts adds', delete, added_over('plpgsql', 'fk')),
    Row('delete', '- what refint adds', delete, added_over('refint', 'fk')),
    Row('delete_history', 'delete 20,000 services with ten past or cancelled bookings each: what the guard adds, over what PL/pgSQL adds',
        delete_history, added_over('guard', 'plpgsql'), 0.6, 0.4),
    Row('insert', 'INSERT 100,000 bookings, foreign key present: on over off', insert, over('fk_guard', 'fk'), 1.03),
    Row('copy', 'COPY 100,000 bookings, foreign key present: on over off', copy, over('fk_guard', 'fk'), 1.03),
    Row('insert', 'INSERT 100,000 bookings: what the guard adds, over what the foreign key adds',
        insert, added_over('guard', 'fk'), 1.1, 0.9),
    Row('copy', 'COPY 100,000 bookings: what the guard adds, over what the foreign key adds',
        copy, added_over('guard', 'fk'), 1.1, 0.9),
    Row('update', "UPDATE 60,000 bookings' note: on over off", update, over('note_guard', 'note'), 1.05),
    Row('update', 'UPDATE 60,000 bookings from PENDING to CONFIRMED: on over off', update, over('confirm_guard', 'confirm'), 1.05),
    Row('reconfirm', 're-confirm 60,000 bookings: what the guard adds, over what the foreign key adds to an INSERT of as many',
        reconfirm, lambda m: (m['guard'] - m['none']) / (m['insert_fk'] - m['insert']), 1.1),
]
