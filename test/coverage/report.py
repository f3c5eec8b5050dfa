"""Say what of src/ the tests reached, and fail for a line or a branch that they
did not reach and that nothing accounts for; test/coverage/run calls it.

usage: report.py INFO UNREACHABLE SERVER RESULT

INFO is lcov's. UNREACHABLE accounts for lines, and for branches by the line that
they are in: a paragraph is a reason, and below it, indented, the lines it is the
reason for, each as

    file function: text of the line

An elog() needs no reason: by PostgreSQL's custom it is what cannot happen,
where an ereport() is what can. Nor does a branch that is the way to a line which
nothing reaches, or that is in a macro of the server's. A line of UNREACHABLE that
was reached with all its branches, or is not there any more, is stale, and fails
as well; but not if the reason begins with "By chance".
"""
import re
import sys
from collections import Counter, defaultdict


# The server's macros that have branches of their own, and how many of those one
# use never takes, whatever the tests do: ereport() with a level that is always
# raised, say, or foreach() over a list that is never NULL.
MACROS = {
    'ereport': 1, 'elog': 1, 'PG_TRY': 1, 'PG_END_TRY': 1, 'foreach': 1, 'CHECK_FOR_INTERRUPTS': 1,
    'CALLED_AS_TRIGGER': 1, 'CALLED_AS_EVENT_TRIGGER': 1, 'TIMESTAMP_NOT_FINITE': 1,
    'HeapTupleHeaderIndicatesMovedPartitions': 1, 'HeapTupleHeaderGetUpdateXid': 4, 'IsPolymorphicType': 8,
    'index_getattr': 13,
}


class File:
    def __init__(self, path):
        self.name = path.removeprefix('src/')
        self.text = open(path).read().split('\n')
        self.functions = {}     # first line -> name
        self.lines = defaultdict(int)       # line -> times reached
        self.branches = defaultdict(int)    # (line, block, branch) -> times taken

    def place(self, line):
        """as in UNREACHABLE"""
        function = self.functions[max(n for n in self.functions if n <= line)]
        return f'{self.name} {function}: {self.text[line - 1].strip()}'

    def is_elog(self, line):
        return re.match(r'\s*elog\(', self.text[line - 1])

    def untaken(self):
        """(line, how many of its branches were not taken) of each line that was reached"""
        count = defaultdict(int)
        for (line, _, _), taken in self.branches.items():
            count[int(line)] += not taken
        return [(line, n) for line, n in sorted(count.items()) if n and self.lines.get(line)]

    def leads_nowhere(self, line):
        """whether what is done next if its condition holds is a line that is not reached"""
        while line < len(self.text) and not re.search(r'\)\s*(/\*.*)?$', self.text[line - 1]):
            line += 1   # to the end of the condition
        after = [n for n in sorted(self.lines) if n > line]
        return bool(after) and not self.lines[after[0]]


def read_info(path):
    """A header has a record for each file that includes it, which add up."""
    files = {}
    for row in open(path):
        kind, _, value = row.strip().partition(':')
        if kind == 'SF':
            f = files.setdefault(value, File(value))
        elif kind == 'FN':
            line, name = value.split(',')[-2:] if value.count(',') == 1 else value.split(',')[0::2]
            f.functions[int(line)] = name
        elif kind == 'DA':
            line, count = value.split(',')[:2]
            f.lines[int(line)] += int(count)
        elif kind == 'BRDA':
            *branch, count = value.split(',')
            f.branches[tuple(branch)] += 0 if count == '-' else int(count)
    return sorted((f for f in files.values() if f.lines), key=lambda f: f.name)


def read_reasons(path):
    """place -> reason"""
    reasons = {}
    reason = []
    places = 0
    for row in open(path):
        if row.startswith('#'):
            continue
        if row.startswith('\t'):
            reasons[row.strip()] = ' '.join(reason)
            places += 1
        elif row.strip():
            if places:
                reason = []
                places = 0
            reason.append(row.strip())
    return reasons


def percent(part, whole):
    return f'{100 * part / whole:.1f}%' if whole else '-'


def main():
    info, unreachable, server, result = sys.argv[1:]
    files = read_info(info)
    reasons = read_reasons(unreachable)

    unreached = defaultdict(list)   # reason -> places of lines
    untaken = defaultdict(list)     # reason -> places of branches
    obvious = defaultdict(int)      # why a branch needs no reason -> branches
    unexplained = []
    used = set()
    rows = []
    for f in files:
        for line, count in f.lines.items():
            if count:
                continue
            place = f.place(line)
            if place in reasons:
                used.add(place)
                unreached[reasons[place]].append(place)
            elif f.is_elog(line):
                unreached['An elog(): by PostgreSQL\'s custom, what cannot happen'].append(place)
            else:
                unexplained.append(f'src/{f.name}:{line}: {place}')
        reached = sum(1 for count in f.lines.values() if count)
        branches = f.branches.values()
        rows.append((f.name, len(f.lines), reached, len(branches), sum(1 for count in branches if count)))

        known = 0
        for line, n in f.untaken():
            known += n
            place = f.place(line)
            macro = next((m for m in MACROS if n <= MACROS[m] and re.search(rf'\b{m}\(', f.text[line - 1])), None)
            if place in reasons:
                used.add(place)
                untaken[reasons[place]].append(place)
            elif f.leads_nowhere(line):
                obvious['they lead to one of those lines'] += n
            elif macro:
                obvious[f'they are in {macro}()'] += n
            else:
                unexplained.append(f'src/{f.name}:{line}: a branch of {place}')
        obvious['they are in one of those lines'] += sum(1 for count in branches if not count) - known
    stale = [place for place, reason in reasons.items() if place not in used and not reason.startswith('By chance')]

    lines, reached, branches, taken = (sum(row[i] for row in rows) for i in (1, 2, 3, 4))
    out = ['# Coverage', '',
           f'`make coverage`, {server}: {result}.', '',
           f'{reached} of {lines} lines of src/ were reached ({percent(reached, lines)}), '
           f'{taken} of {branches} branches ({percent(taken, branches)}).', '',
           '| file | lines | reached | | branches | taken | |', '| --- | --: | --: | --: | --: | --: | --: |']
    for name, n, n_reached, b, b_taken in rows:
        out.append(f'| {name} | {n} | {n_reached} | {percent(n_reached, n)} | {b} | {b_taken} | {percent(b_taken, b)} |')
    out += ['', '## Lines that nothing reaches', '']
    out += accounts(unreached)
    out += ['## Branches that nothing takes', '', f'Of {branches - taken}, with no reason of their own:', '']
    out += [f'- {n}: {why}' for why, n in sorted(obvious.items(), key=lambda item: -item[1])]
    out += ['', 'and the others are in these lines:', '']
    out += accounts(untaken)
    if unexplained:
        out += ['## Nothing accounts for', '', *(f'- `{place}`' for place in unexplained), '']
    open('doc/proof/coverage.md', 'w').write('\n'.join(out).rstrip() + '\n')

    for place in unexplained:
        print(f'not reached, and nothing accounts for it: {place}')
    for place in stale:
        print(f'stale: {place}')
    print(f'lines {percent(reached, lines)}, branches {percent(taken, branches)}')
    sys.exit(bool(unexplained or stale))


def accounts(places):
    """reason -> places, as text; a place that is there more than once says how often"""
    out = []
    for reason, listed in places.items():
        out += [f'{reason}:', '']
        out += [f'- `{place}`' + (f' ({n} times)' if n > 1 else '') for place, n in Counter(listed).items()]
        out.append('')
    return out


main()
