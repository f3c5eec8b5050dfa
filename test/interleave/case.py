"""A case: a way to keep the promise, a booking change, a delete path, a kind of
foreign key, and maybe a third session. What its sessions do, and on what.
"""
import os
from dataclasses import dataclass
from itertools import product

from interleave import VERDICT, Refusal, Step
from scenarios import FOREIGN_KEYS, LEVELS, PARTED_BOOKINGS, PARTED_SERVICES, SCHEMA, Change


HAIRCUT = "'haircut'"
EMPTY = 'DELETE FROM booking; DELETE FROM service; DELETE FROM tenant; DELETE FROM ledger'


def file():
    """Where rows for COPY are."""
    return f"{os.environ['PGHOST']}/rows.{os.environ['PGDATABASE']}"


def write_ledger(rows):
    """Write down which active bookings the application is told to have now, with their service."""
    lines = ', '.join(f"({booking}, {'NULL' if service is None or status == 'CANCELLED' else HAIRCUT})"
                      for booking, service, status in rows)
    return f'INSERT INTO ledger VALUES {lines}' if lines else None


def heed_verdict(rows):
    return Refusal(VERDICT, None, rows[0][0]) if rows[0][0] in ('blocked', 'not_found') else None


@dataclass
class Setting:
    """How a case is played: the isolation level of each session, who does not
    commit in the end, whose transaction starts before the booking's time
    comes, and who is slow to notice a deadlock.
    """

    levels: dict
    undecided: str = None
    first: str = None
    patient: str = None

    def __str__(self):
        return ', '.join(filter(None, (
            ' '.join(f'{name} {level}' for name, level in self.levels.items()),
            self.undecided and f'{self.undecided} rolls back',
            self.first and f'{self.first} starts first',
            self.patient and f'{self.patient} is slow to notice a deadlock')))

    def begin(self, name):
        begin = f'BEGIN ISOLATION LEVEL {LEVELS[self.levels[name]]}'
        return f"{begin}; SET LOCAL deadlock_timeout = '100ms'" if name == self.patient else begin

    def end(self, name):
        return 'ROLLBACK' if name == self.undecided else 'COMMIT'


class Case:
    """group is what the report adds up; pairs are levels of booker and deleter; undecided are who roll back, each in turn."""

    def __init__(self, group, way, change, path, key, pairs, third=None, undecided=(None,)):
        self.group, self.way, self.change, self.path, self.key = group, way, change, path, key
        self.pairs, self.third, self.undecided = pairs, third, undecided
        self.bookers = {'booker': (change, {'old': 1, 'new': 11})}
        if isinstance(third, Change):
            self.bookers['second'] = third, {'old': 2, 'new': 21}
        self.has_other = third is not None and 'second' not in self.bookers
        self.names = [*self.bookers, 'deleter'] + ['other'] * self.has_other

    def __str__(self):
        return ' / '.join((self.way.name, self.change.name, self.path.name, f'foreign key: {self.key}') +
                          ((self.third.name,) if self.third else ()))

    def settings(self):
        first = self.names if self.change.clock else (None,)
        for (booker, deleter), *how in product(self.pairs, self.undecided, first):
            yield Setting({**dict.fromkeys(self.bookers, booker), 'deleter': deleter}, *how)

    def fill(self, sql, **more):
        """SQL with the names that depend on the case."""
        tenant = 'tenant_id, ' if self.change.composite else ''
        join = 's.id = b.service_id' + (' AND s.tenant_id = b.tenant_id' if tenant else '')
        return sql.format(
            service_key=f'{tenant}id', booking_key=f'{tenant}service_id', join=join, match=join.replace('b.', 'NEW.'),
            bookings_key='id, status' if self.change.parted else 'id',
            bookings=PARTED_BOOKINGS if self.change.parted else '',
            services=PARTED_SERVICES if self.path.parted else '',
            retire_column="'deleted_at'" if self.path.retires else 'NULL', file=file(), **more)

    def schema(self):
        yield self.fill(SCHEMA)
        yield self.fill(FOREIGN_KEYS[self.key])
        for change, ids in self.bookers.values():
            yield self.fill(change.setup, **ids)
        yield self.path.setup
        yield self.fill(self.way.setup)

    def alter(self, sql):
        """SQL of what the other session does, or of undoing it."""
        return self.fill(sql.replace('{foreign_key}', FOREIGN_KEYS[self.key])
                         .replace('{protect}', self.way.setup)
                         .replace('{protect_room}', self.way.setup.replace("'service')", "'room')")))

    def rows(self):
        """What there is before each interleaving."""
        yield EMPTY
        yield 'INSERT INTO tenant VALUES (1), (2)'
        yield f"INSERT INTO service VALUES (1, 1, 'haircut'), ({1 if self.change.composite else 2}, 2, 'shave')"
        for change, ids in self.bookers.values():
            if change.rows:
                yield self.fill(f'INSERT INTO booking VALUES {change.rows}', **ids)
            if change.promised:
                yield self.fill(f'INSERT INTO ledger VALUES {change.promised}', **ids)

    def work(self, name):
        """What a session does within its transaction."""
        if name == 'deleter':
            return [*self.way.before, *(Step(sql, heed_verdict if sql.startswith('SELECT outcome') else None)
                                        for sql in self.path.steps)]
        change, ids = self.bookers[name]
        return [Step(self.fill(change.sql, **ids), write_ledger)]

    def steps(self, name, setting, note_start):
        """What a session does. First it takes its snapshot, and notes its now()."""
        if name == 'other':
            return [Step(self.alter(sql)) for sql in self.third.steps]
        begin, work, end = setting.begin(name), self.work(name), Step(setting.end(name))
        if setting.first:
            return [Step('SELECT now()', note_start), *work, end]
        if self.third and setting.levels[name] == 'RC':
            # of three sessions there are many orders; this snapshot nobody would keep
            return [Step(f'{begin}; {work[0].sql}', work[0].then), *work[1:], end]
        return [Step(f'{begin}; SELECT now()', note_start), *work, end]
