"""Play a case in every order, and judge what comes of it."""
from collections import Counter
from dataclasses import replace

import psycopg2

from case import EMPTY
from interleave import VERDICT, Stage, orders
from scenarios import FOREIGN_KEY

SERIALIZATION, DEADLOCK = '40001', '40P01'
VIOLATIONS = ('23503', '23001')     # of foreign keys; the second is RESTRICT's, since PostgreSQL 18

# Whether somebody is rightly refused, by what is committed at that moment: a
# deleter because of bookings that are upcoming as of its own now(), a booker
# for want of the service.
DELETER_RIGHTLY = "EXISTS (SELECT FROM claim WHERE name = 'haircut' AND NOT retired AND date >= {now})"
BOOKER_RIGHTLY = "NOT EXISTS (SELECT FROM service WHERE name = 'haircut' AND id = 1 AND deleted_at IS NULL)"

STORIES = 3     # a case; more would not tell more


class Player:
    """Plays cases in the database that PGDATABASE names."""

    def __init__(self):
        self.stages = {}

    def play(self, case):
        """What came out, by setting, and stories of what should not have."""
        self.case = case
        self.stories = []
        if len(case.names) not in self.stages:
            self.stages[len(case.names)] = Stage(len(case.names))
        self.stage = self.stages[len(case.names)]
        self.stage.name_sessions(case.names)
        self.ask('SET session_replication_role = origin')
        for sql in filter(str.strip, case.schema()):
            self.ask(sql)
        # what is set up must not meet the triggers that it is set up for
        self.ask('SET session_replication_role = replica')
        self.reset = '; '.join(case.rows())
        return sum((self.play_setting(setting) for setting in case.settings()), Counter()), self.stories

    def ask(self, sql):
        return self.stage.ask(sql)

    def play_setting(self, setting):
        self.tally = Counter()
        deadlocks = []

        def run(prefix):
            choices = self.interleave(setting, prefix)
            if self.victim:
                deadlocks.append(([choice.taken for choice in choices], self.victim))
            return choices

        orders(run)
        # The server ends whoever notices a deadlock: once more, and another one is to notice.
        for taken, victim in deadlocks:
            self.interleave(replace(setting, patient=victim), taken)
        return self.tally

    def interleave(self, setting, prefix):
        """One order, and what came of it; returns its choices."""
        self.setting = setting
        self.now = {}
        self.victim = None
        self.altered = True
        self.refused = []
        self.found = []
        if setting.first:
            for session in sorted(self.stage.sessions, key=lambda session: session.name != setting.first):
                session.do(setting.begin(session.name))
                if session.name == setting.first:
                    self.ask(self.reset)
        else:
            self.ask(self.reset)
        for session in self.stage.sessions:
            session.prepare(self.case.steps(session.name, setting, self.noting_start(session.name)))
        choices = self.stage.run(prefix, self.note_refusal)
        self.judge()
        if self.case.has_other:
            self.undo()
        return choices

    def noting_start(self, name):
        def note(rows):
            self.now[name] = rows[0][0]
        return note

    def note_refusal(self, session, refusal):
        sqlstate = refusal.sqlstate
        if session.name == 'other':
            self.altered = False
        if sqlstate == SERIALIZATION:
            self.tally['serialization'] += 1
        elif sqlstate == DEADLOCK:
            self.tally['deadlocks'] += 1
            self.victim = session.name
        elif self.case.has_other and sqlstate in self.case.third.errors:
            self.tally['schema'] += 1
        elif session.name == 'other' or sqlstate not in (*VIOLATIONS, VERDICT, 'count'):
            self.tally['unexpected'] += 1
            self.found.append('unexpected')
        else:
            kind = 'key refused' if refusal.constraint == FOREIGN_KEY else 'refused'
            self.tally[kind] += 1
            # the other session may keep us from looking right away
            if self.case.has_other:
                self.refused.append((session.name, kind))
            else:
                self.judge_refusal(session.name, kind)

    def judge_refusal(self, name, kind):
        if name == 'deleter' and self.case.path.books:
            return
        now = f"'{self.now[name]}'" if name in self.now else 'now()'
        rightly = DELETER_RIGHTLY.format(now=now) if name == 'deleter' else BOOKER_RIGHTLY
        if not self.ask(f'SELECT {rightly}')[0][0]:
            self.tally[f'false {kind}'] += 1
            if kind == 'refused':
                self.found.append(f'{name} refused for no reason')

    def judge(self):
        self.tally['interleavings'] += 1
        for name, kind in self.refused:
            self.judge_refusal(name, kind)
        [(broken,)] = self.ask('SELECT array_agg(booking ORDER BY booking) FROM broken')
        if broken:
            self.tally['broken'] += 1
            self.found.append(f'lost booking {", ".join(map(str, broken))}')
        if self.found and len(self.stories) < STORIES:
            self.stories.append(f'{"; ".join(self.found)}: {self.case}; {self.setting}\n{self.stage.story()}')

    def undo(self):
        """Take back what the other session has done, if it has."""
        self.ask(EMPTY)
        try:
            self.ask(f'SET LOCAL session_replication_role = origin; {self.case.alter(self.case.third.undo)}')
        except psycopg2.Error:
            if self.altered:
                raise
