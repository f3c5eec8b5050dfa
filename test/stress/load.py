"""Many clients on few services: each runs jobs at random, one connection each.

    load.py DSN [--clients N] [--transactions N] [--acknowledged] [--calm] [--careful] [--retiring]

pgbench cannot do this: it ends a client at the first refusal (up to PostgreSQL
18), and a good part of these transactions is meant to be refused. A job is a file
of jobs/: its first line says how often it is run, then come its statements.

Without --transactions it goes on until SIGTERM. Then it prints, as JSON, how
many transactions were committed and how many were not, and every error by job and
SQLSTATE. Lost connections are made again; that is how it goes through a crash.
"""
import argparse
import json
import multiprocessing
import os
import random
import re
import signal
import time
from collections import Counter
from pathlib import Path

import psycopg2
from psycopg2.extensions import TRANSACTION_STATUS_IDLE

LEVELS = ('READ COMMITTED', 'READ COMMITTED', 'REPEATABLE READ', 'SERIALIZABLE')
APPLICATION = 'stress'      # whom the disturber looks for


class Job:
    def __init__(self, path):
        head, _, body = path.read_text().partition('\n')
        found = re.match(r'-- weight ([0-9.]+)((?: \w+)*)', head)
        self.name = path.stem
        self.weight = float(found[1])
        self.marks = set(found[2].split())
        self.statements = [statement for statement in re.split(r';\n', body) if statement.strip()]


def jobs(careful=False, retiring=False):
    """careful: without those that delete and retire services without having looked for bookings."""
    return [job for job in map(Job, sorted((Path(__file__).parent / 'jobs').glob('*.sql')))
            if not (careful and 'blind' in job.marks) and (retiring or 'retiring' not in job.marks)]


class Broken(Exception):
    """A statement failed, with this SQLSTATE, which is counted already."""


class Client:
    def __init__(self, number, options, tally):
        self.number = number
        self.options = options
        self.tally = tally
        self.random = random.Random(f'{options.seed} {number}')
        self.jobs = jobs(options.careful, options.retiring)
        self.weights = [job.weight for job in self.jobs]
        self.connection = None
        self.acknowledged = 0

    def chance(self, p):
        return self.random.random() < p

    def connect(self):
        self.connection = psycopg2.connect(self.options.dsn, application_name=APPLICATION)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.cursor.execute('SET default_transaction_isolation = %s', (self.random.choice(LEVELS).lower(),))
        self.gid = f'{self.connection.info.dbname} {self.number}'
        self.cursor.execute('SELECT FROM pg_prepared_xacts WHERE gid = %s AND database = current_database()', (self.gid,))
        if self.cursor.rowcount:
            self.complete('COMMIT PREPARED')
        if self.options.acknowledged:
            # What the server said was committed must have outlived whatever happened since.
            self.cursor.execute('SELECT done FROM client WHERE id = %s', (self.number,))
            if self.cursor.fetchone()[0] < self.acknowledged:
                self.tally['acknowledged transactions lost'] += 1

    def execute(self, job, sql):
        try:
            self.cursor.execute(sql)
        except psycopg2.Error as error:
            code = error.pgcode or ('lost' if self.connection.closed else 'unknown')
            self.tally[f'{job} {code}'] += 1
            if code[:2] in ('XX', 'un'):
                self.tally[f'{job} {code}: {error}'] += 1
            raise Broken(code) from None

    def run(self, job):
        """A job, maybe in a savepoint, and maybe undone to it."""
        savepoint = self.chance(0.2)
        if savepoint:
            self.execute('savepoint', 'SAVEPOINT a')
        try:
            for statement in job.statements:
                self.execute(job.name, statement)
            self.tally[f'{job.name} done'] += 1
        except Broken:
            if not savepoint or self.connection.closed:
                raise
            self.execute('savepoint', 'ROLLBACK TO a')
            return
        if savepoint and self.chance(0.6):
            self.execute('savepoint', 'ROLLBACK TO a' if self.chance(0.5) else 'RELEASE a')

    def complete(self, how):
        """COMMIT or ROLLBACK PREPARED, however often that is cancelled. If the
        connection is lost the next one completes it."""
        while True:
            try:
                self.execute('complete', f"{how} '{self.gid}'")
                return
            except Broken as broken:
                if self.connection.closed:
                    raise
                if str(broken) == '42704':
                    return      # a backend that was terminated had done it after all

    def end(self, acknowledged):
        """Commit, mostly, and maybe in two phases."""
        if self.chance(0.05):
            self.execute('rollback', 'ROLLBACK')
            self.tally['rolled back'] += 1
            return
        if self.chance(0.05):
            self.execute('prepare', f"PREPARE TRANSACTION '{self.gid}'")
            if self.cursor.statusmessage == 'ROLLBACK':
                raise Broken
            if self.chance(0.2):
                self.complete('ROLLBACK PREPARED')
                self.tally['rolled back'] += 1
                return
            self.acknowledged = acknowledged
            self.complete('COMMIT PREPARED')
        else:
            self.execute('commit', 'COMMIT')
            self.acknowledged = acknowledged
        self.tally['committed'] += 1

    def transaction(self):
        work = self.random.choices(self.jobs, self.weights, k=self.random.choice((1, 1, 1, 1, 2, 3)))
        if len(work) == 1 and len(work[0].statements) == 1 and not self.options.acknowledged and self.chance(0.3):
            self.execute(work[0].name, work[0].statements[0])
            self.tally[f'{work[0].name} done'] += 1
            self.tally['committed'] += 1
            return
        begin = f'BEGIN ISOLATION LEVEL {self.random.choice(LEVELS)}'
        if not self.options.calm and self.chance(0.1):
            begin += f"; SET LOCAL {self.random.choice(('statement', 'lock'))}_timeout = {self.random.randint(1, 20)}"
        if self.chance(0.1):
            begin += '; SET CONSTRAINTS ALL DEFERRED'
        self.execute('begin', begin)
        for job in work:
            self.run(job)
        acknowledged = None
        if self.options.acknowledged:
            self.execute('acknowledge', f'UPDATE client SET done = done + 1 WHERE id = {self.number} RETURNING done')
            acknowledged = self.cursor.fetchone()[0]
        self.end(acknowledged)

    def step(self):
        try:
            if self.connection is None or self.connection.closed:
                self.connect()
        except (psycopg2.Error, Broken) as error:
            self.tally[f'connect {getattr(error, "pgcode", None) or "lost"}'] += 1
            self.connection = None
            time.sleep(0.02)        # the server may be down
            return
        try:
            self.transaction()
        except Broken:
            self.tally['refused'] += 1
        # a cancel or a timeout may hit the ROLLBACK itself
        while not self.connection.closed and self.connection.info.transaction_status != TRANSACTION_STATUS_IDLE:
            try:
                self.execute('rollback', 'ROLLBACK')
            except Broken:
                pass


def until_terminated():
    """A function that says whether this process has been told to end, or is left alone."""
    parent = os.getppid()
    told = []
    signal.signal(signal.SIGTERM, lambda *_: told.append(True))
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    return lambda: told or os.getppid() != parent


def client(number, options, results):
    ended = until_terminated()
    tally = Counter()
    one = Client(number, options, tally)
    todo = -(-options.transactions // options.clients) or None
    while not ended() and todo != 0:
        one.step()
        if todo:
            todo -= 1
    results.send(tally)


def disturber(options, results):
    """Cancels statements and terminates backends, whosever."""
    ended = until_terminated()
    tally = Counter()
    connection = None
    while not ended():
        time.sleep(random.random() * 0.1)
        how = 'cancel' if random.random() < 0.9 else 'terminate'
        try:
            if connection is None or connection.closed:
                connection = psycopg2.connect(options.dsn)
                connection.autocommit = True
            cursor = connection.cursor()
            cursor.execute(f"""SELECT pg_{how}_backend(pid) FROM pg_stat_activity
                WHERE application_name = %s AND (state = 'active' OR %s = 'terminate') ORDER BY random() LIMIT 1""",
                           (APPLICATION, how))
            tally[f'{how}s sent'] += cursor.rowcount
        except psycopg2.Error:
            continue        # the server is down
    results.send(tally)


class Load:
    """The clients and the disturber, each a process that sends home what it has counted."""

    def __init__(self, options):
        self.clients = [self.process(client, n, options) for n in range(1, options.clients + 1)]
        self.others = [] if options.calm else [self.process(disturber, options)]

    @staticmethod
    def process(target, *args):
        receiver, sender = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.Process(target=target, args=(*args, sender))
        process.results = receiver
        return process

    def start(self):
        for process in self.clients + self.others:
            process.start()

    def running(self):
        return any(process.is_alive() for process in self.clients)

    def stop(self):
        for process in self.clients + self.others:
            process.terminate()

    def finish(self):
        """What all of them counted; an error if one of them ended before its time."""
        tally = Counter()
        for process in self.clients:
            tally.update(process.results.recv())
        self.stop()
        for process in self.others:
            tally.update(process.results.recv())
        return tally


def parse(arguments=None):
    parser = argparse.ArgumentParser()
    parser.add_argument('dsn')
    parser.add_argument('--clients', type=int, default=24)
    parser.add_argument('--transactions', type=int, default=0)
    parser.add_argument('--acknowledged', action='store_true')
    parser.add_argument('--calm', action='store_true')
    parser.add_argument('--careful', action='store_true')
    parser.add_argument('--retiring', action='store_true')
    parser.add_argument('--seed', default=os.urandom(4).hex())
    return parser.parse_args(arguments)


def main():
    load = Load(parse())
    load.start()
    signal.signal(signal.SIGTERM, lambda *_: load.stop())
    print(json.dumps(load.finish(), sort_keys=True))


if __name__ == '__main__':
    multiprocessing.set_start_method('fork')    # its clients share what it has read
    main()
