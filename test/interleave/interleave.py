"""Transactions that are interleaved, step by step, in every order.

A session whose step waits for another's lock stays behind, the others go on,
and it has its turn again when it is released. Who is blocked is asked of the
server; nothing sleeps.
"""
import select
import time
from collections import namedtuple

import psycopg2
from psycopg2.extensions import POLL_OK, POLL_READ

# One or more statements, sent as one message, and what to do with the rows of
# the last: then(rows) returns another statement that belongs to the step, a
# Refusal or None.
Step = namedtuple('Step', 'sql then', defaults=(None,))

# An error or a verdict.
Refusal = namedtuple('Refusal', 'sqlstate constraint message')
VERDICT = '00000'   # the sqlstate of one after which the transaction goes on

# A point where several sessions could go on: which of how many did.
Choice = namedtuple('Choice', 'taken of')

PATIENCE = 60       # seconds


def orders(run):
    """Every order, depth first. run(prefix) runs one: at the first choices it
    takes those of prefix, at each later one the first session; it returns its
    Choices.
    """
    prefix = []
    while True:
        choices = run(prefix)
        while choices and choices[-1].taken + 1 == choices[-1].of:
            choices.pop()
        if not choices:
            return
        prefix = [choice.taken for choice in choices]
        prefix[-1] += 1


class Session:
    def __init__(self):
        self.connection = psycopg2.connect('', async_=1)
        while (state := self.connection.poll()) != POLL_OK:
            select.select(*([self], []) if state == POLL_READ else ([], [self]), [], PATIENCE)
        self.cursor = self.connection.cursor()
        self.pid = self.connection.get_backend_pid()

    def fileno(self):
        return self.connection.fileno()

    def prepare(self, steps):
        self.steps = list(steps)
        self.blocked = False
        self.busy = False
        self.refusals = []

    def send(self, sql, then=None):
        self.cursor.execute(sql)
        self.then = then
        self.busy = True

    def go_on(self):
        step = self.steps.pop(0)
        self.send(step.sql, step.then)
        return step.sql

    def do(self, sql):
        """What is no step, and waits for nobody."""
        self.prepare([])
        self.send(sql)
        while not self.finish():
            select.select([self], [], [], PATIENCE)

    def finish(self):
        """Whether the step is done."""
        try:
            if self.connection.poll() != POLL_OK:
                return False
            further = self.then(self.cursor.fetchall()) if self.then else None
        except psycopg2.Error as error:
            further = Refusal(error.pgcode, error.diag.constraint_name, str(error).strip())
        self.busy = False
        if isinstance(further, Refusal):
            self.refusals.append(further)
            further = None if further.sqlstate == VERDICT else 'ROLLBACK'
            if further:
                self.steps = []
        if further:
            self.send(further)
            return self.finish()
        self.blocked = False
        return True


class Stage:
    """Sessions, and a connection that sets up, watches and judges."""

    def __init__(self, sessions):
        self.sessions = [Session() for _ in range(sessions)]
        self.control = psycopg2.connect('')
        self.control.autocommit = True
        self.cursor = self.control.cursor()
        self.ask('PREPARE blockers(int[]) AS SELECT pid, pg_blocking_pids(pid) FROM unnest($1) AS pid')

    def name_sessions(self, names):
        for session, session.name in zip(self.sessions, names):
            pass

    def ask(self, sql, values=None):
        self.cursor.execute(sql, values)
        return self.cursor.fetchall() if self.cursor.description else []

    def run(self, prefix, on_refusal):
        """Run all steps of the sessions in one order. on_refusal(session,
        refusal) is called when somebody is refused, before anybody goes on.
        Leaves what happened in trace, and in deadlocks how often there was one.
        """
        self.trace = []
        self.deadlocks = 0
        self.on_refusal = on_refusal
        choices = []
        while True:
            self.settle()
            ready = [session for session in self.sessions if session.steps and not session.busy]
            if not ready:
                return choices
            taken = 0
            if len(ready) > 1:
                # released together, two may wait for each other this time and not the last
                taken = min(prefix[len(choices)], len(ready) - 1) if len(choices) < len(prefix) else 0
                choices.append(Choice(taken, len(ready)))
            self.trace.append((ready[taken].name, ready[taken].go_on()))

    def settle(self):
        """Wait until everybody is done with their step or waits for somebody who is."""
        since = time.monotonic()
        deadlock = False
        confirmed = False
        while busy := [session for session in self.sessions if session.busy]:
            waiting = all(session.blocked for session in busy) and not deadlock and not confirmed
            if any([self.finish(session) for session in select.select(busy, [], [], 0 if waiting else 0.001)[0]]):
                confirmed = False
                continue

            blockers = self.blockers(busy)
            for session in busy:
                if session.pid in blockers and not session.blocked:
                    self.trace.append((session.name, '... waits'))
                session.blocked = session.pid in blockers
            if in_circle(blockers):
                self.deadlocks += not deadlock
                deadlock = True
            elif len(blockers) == len(busy):
                # of several, one may have been released since it was asked for
                if (len(busy) == 1 or confirmed) and self.is_anybody_left():
                    return
                confirmed = True
            if time.monotonic() - since > PATIENCE:
                raise RuntimeError(f'this hangs: {blockers}\n{self.story()}')

    def is_anybody_left(self):
        return any(session.steps and not session.busy for session in self.sessions)

    def blockers(self, busy):
        pids = [session.pid for session in busy]
        return {pid: others for pid, others in self.ask('EXECUTE blockers(%s)', (pids,)) if others}

    def finish(self, session):
        """Whether the session is done with its step; notes what is of interest about it."""
        waited = session.blocked
        if not session.finish():
            return False
        if waited:
            self.trace.append((session.name, '... goes on'))
        while session.refusals:
            refusal = session.refusals.pop(0)
            self.trace.append((session.name, f'... {refusal.sqlstate} {refusal.message.partition(chr(10))[0]}'))
            self.on_refusal(session, refusal)
        return True

    def is_anybody_left(self):
        return any(session.steps and not session.busy for session in self.sessions)

    def blockers(self, busy):
        pids = [session.pid for session in busy]
        return {pid: others for pid, others in self.ask('EXECUTE blockers(%s)', (pids,)) if others}

    def story(self):
        return '\n'.join(f'    {name + ":":<9} {what}' for name, what in self.trace)


def in_circle(blockers):
    """Whether some of them wait for each other. blockers: of each pid, the pids it waits for."""
    left = dict(blockers)
    while free := [pid for pid, others in left.items() if not any(other in left for other in others)]:
        for pid in free:
            del left[pid]
    return bool(left)
