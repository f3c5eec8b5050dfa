"""Attack the extension with random and hostile input, and judge what the server
answers, logs and keeps; see run for how it is called.

Batch by batch, each a transaction of a few attacks, in worlds that are made
anew every few batches. A world depends on the seed and its number only:
SEED=7 FUZZ_WORLD=12 makes that one again, and nothing else."""
import collections
import os
import random
import sys
import time

import psycopg2
import psycopg2.extensions

import oracle
from attacks import ATTACKS, Must, Taint, make_guards_again_by_their_definition
from view import View
from world import Database, World

BATCHES = 12  # in a world
TRACE = os.environ.get('FUZZ_TRACE')  # show what is refused

# Whatever bytes there are, each is a character to us.
psycopg2.extensions.encodings.update(SQL_ASCII='latin-1', SQLASCII='latin-1')


class Fuzzer:
    def __init__(self, seed, calls, only_world):
        self.seed = seed
        self.calls = calls
        self.only_world = only_world
        self.findings = oracle.Findings(seed)
        self.log = oracle.Log()
        self.made = collections.Counter()       # statements by attack
        self.failed = collections.Counter()
        self.sqlstates = collections.Counter()
        self.called = collections.Counter()     # functions of the extension
        self.batches = self.worlds = self.commits = self.promises = 0
        self.connection = None
        self.statements = []                    # of the world so far

    #
    # Statements
    #

    def connect(self, db):
        self.db = db
        for _ in range(60):
            try:
                self.connection = psycopg2.connect(dbname=db.name)
                break
            except psycopg2.OperationalError:  # it may be recovering from a crash
                time.sleep(1)
        else:
            raise SystemExit('The server is gone.')
        self.connection.autocommit = True
        if db.takes_any_byte:
            self.connection.set_client_encoding('SQL_ASCII')

    def execute(self, sql):
        """Run a statement, and look at none of its rows: they may hold what Python has no value for."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql.encode(self.db.codec))

    def query(self, sql):
        """Rows as dictionaries."""
        with self.connection.cursor() as cursor:
            cursor.execute(sql.encode(self.db.codec))
            names = [column.name for column in cursor.description]
            return [dict(zip(names, row)) for row in cursor.fetchall()]

    def attack(self, statement, attack):
        """Run a statement of an attack in a savepoint, and judge what comes of it."""
        self.statements.append(statement)
        self.made[attack] += 1
        for function in self.view.functions:
            self.called[function.short] += function.name in statement
        only = 'only' if statement.startswith('SELECT') else ''
        started = time.monotonic()
        try:
            self.execute(f"SAVEPOINT fuzz; SET LOCAL fuzz.call = '{only}'")
            self.execute(statement)
            self.execute('RELEASE SAVEPOINT fuzz')
        except psycopg2.Error as error:
            self.failed[attack] += 1
            if TRACE:
                print(error.pgcode, str(error)[:150].replace('\n', ' | '), '  <<', statement[:300].replace('\n', ' '))
            self.sqlstates[error.pgcode] += 1
            problem = oracle.judge_error(error, isinstance(statement, Must))
            if self.connection.closed:
                self.log.wait()
            else:
                self.execute('ROLLBACK TO SAVEPOINT fuzz; RELEASE SAVEPOINT fuzz')
            self.found(problem, attack)
            if self.connection.closed:
                raise
        # a deferred trigger of ours that fires itself ends with the timeout only
        if only and time.monotonic() - started > oracle.SLOW:
            self.found(('slow', attack), attack)

    def found(self, problem, attack=''):
        if problem:
            self.findings.add(problem, f'world {self.worlds}, {self.db.name}, {attack}', self.statements)
        for problem in self.log.problems():
            self.findings.add(problem, f'world {self.worlds}, {self.db.name}, {attack}', self.statements)

    #
    # Batches
    #

    def batch(self, rng, world):
        attacks = rng.choices(list(ATTACKS), list(ATTACKS.values()), k=rng.randint(1, 5))
        # as long as the guards are whole
        attacks.sort(key=lambda attack: attack != make_guards_again_by_their_definition)
        tainted = False
        self.batches += 1
        begin = 'BEGIN ISOLATION LEVEL ' + rng.choice(['READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE'])
        self.statements.append(begin)
        self.execute(begin)
        for attack in attacks:
            self.execute('SAVEPOINT look; RESET search_path; RESET ROLE; RESET statement_timeout; RESET standard_conforming_strings; '
                       'RESET datestyle; RESET quote_all_identifiers; RESET row_security')
            self.view = View(self.query, self.db, world)
            self.execute('ROLLBACK TO SAVEPOINT look')
            for statement in attack(rng, self.view):
                tainted |= isinstance(statement, Taint)
                self.attack(statement, attack.__name__)
        end = 'ROLLBACK' if tainted or rng.random() < 0.4 else 'COMMIT'
        self.statements.append(end)
        try:
            self.execute(end)
            self.commits += end == 'COMMIT'
        except psycopg2.Error as error:
            self.found(oracle.judge_error(error, False), 'COMMIT')
            if self.connection.closed:
                raise
            self.execute('ROLLBACK')
        self.found(oracle.session_works(self.execute, self.query), 'after a batch')
        for problem in oracle.broken_promises(self.query, self.db):
            self.found(problem, 'promise')
        self.promises += 1

    def world(self, number):
        rng = random.Random(f'{self.seed}:{number}')
        self.worlds = number
        self.connect(DATABASES[number % len(DATABASES)])
        self.statements = []
        try:
            self.clear()
            world = World(rng, self.db)
            for statement in world.create(rng):
                self.statements.append(statement)
                try:
                    self.execute(statement)
                except psycopg2.Error as error:
                    if self.connection.closed:
                        raise
                    # a booking may be of a service that is not there
                    self.found(oracle.judge_error(error, not statement.startswith('INSERT')), 'create')
            for _ in range(BATCHES):
                self.batch(rng, world)
                if not self.view.guards:
                    break
            self.clear()
        except psycopg2.Error as error:
            if not self.connection.closed:
                raise
            self.log.wait()
            self.found(None, 'connection')
            self.connect(self.db)
            self.clear()
        self.connection.close()

    def clear(self):
        """Drop what is left of other worlds."""
        # all at once: a partition alone may not go while bookings need its services
        for row in self.query('''SELECT 'DROP SCHEMA ' || string_agg(quote_ident(nspname), ', ') || ' CASCADE' AS drop FROM pg_namespace
                                 WHERE nspname NOT IN ('public', 'shadow', 'information_schema') AND nspname !~ '^pg_'
                                 AND oid NOT IN (SELECT extnamespace FROM pg_extension)'''):
            if row['drop']:
                self.statements.append(row['drop'])
                self.execute(row['drop'])
        for row in self.query('''SELECT format('DROP OWNED BY %1$I CASCADE', rolname) AS owned, format('DROP ROLE %1$I', rolname) AS drop
                                 FROM pg_roles WHERE rolname ~ '^r ' '''):
            self.execute(row['owned'])
            self.execute(row['drop'])

    def run(self):
        for db in DATABASES:
            self.connect(Database('postgres', 'UTF8'))
            self.execute(f"CREATE DATABASE {db.name} TEMPLATE template0 ENCODING '{db.encoding}' LOCALE 'C'")
            self.connection.close()
            self.connect(db)
            for statement in db.setup():
                self.execute(statement)
            self.connection.close()
        if self.only_world is not None:
            self.world(self.only_world)
            return
        number = 0
        while sum(self.made.values()) < self.calls and len(self.findings.known) < 20:
            self.world(number)
            number += 1

    def summary(self):
        """Two tables, in Markdown."""
        total = sum(self.made.values())
        yield (f'{total} statements in {self.batches} transactions ({self.commits} committed) and {self.worlds + 1} worlds, seed {self.seed}: '
               f'{self.findings}.')
        if self.log.own_crashes:
            yield f'The server failed an assertion of its own {self.log.own_crashes} times, as it does without the extension; see test/fuzz/oracle.py.'
        yield ''
        yield '| attack | statements | refused |'
        yield '| --- | ---: | ---: |'
        for attack in ATTACKS:
            yield f"| {attack.__name__.replace('_', ' ')} | {self.made[attack.__name__]} | {self.failed[attack.__name__]} |"
        yield ''
        yield '| function of the extension | in statements |'
        yield '| --- | ---: |'
        for function, n in sorted(self.called.items()):
            yield f'| {function} | {n} |'
        yield ''
        yield 'SQLSTATEs of what was refused: ' + ', '.join(f'{state} ({n})' for state, n in self.sqlstates.most_common()) + '.'


DATABASES = [Database('fuzz_utf8', 'UTF8'), Database('fuzz_bytes', 'SQL_ASCII')]


def main():
    only_world = os.environ.get('FUZZ_WORLD')
    fuzzer = Fuzzer(os.environ['SEED'], int(os.environ['FUZZ_CALLS']), int(only_world) if only_world else None)
    try:
        fuzzer.run()
    finally:
        with open(sys.argv[1], 'w', encoding='ascii') as page:
            for line in fuzzer.summary():
                print(line, file=page)
    return 1 if fuzzer.findings.known else 0


sys.exit(main())
