"""Say what of src/ the tests reached, and fail for a line that they did not
reach and that nothing accounts for; test/coverage/run calls it.

usage: report.py INFO UNREACHABLE SERVER RESULT

INFO is lcov's. UNREACHABLE accounts for lines: a paragraph is a reason, and
below it, indented, the lines it is the reason for, each as

    file function: text of the line

An elog() needs no reason: by PostgreSQL's custom it is what cannot happen,
where an ereport() is what can. A line of UNREACHABLE that was reached, or is
not there any more, is stale, and fails as well.
"""
import re
import sys
from collections import defaultdict


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

    unreached = defaultdict(list)   # reason -> places
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
    stale = [place for place in reasons if place not in used]

    lines, reached, branches, taken = (sum(row[i] for row in rows) for i in (1, 2, 3, 4))
    out = ['# Coverage', '',
           f'`make coverage`, {server}: {result}.', '',
           f'{reached} of {lines} lines of src/ were reached ({percent(reached, lines)}), '
           f'{taken} of {branches} branches ({percent(taken, branches)}).', '',
           '| file | lines | reached | | branches | taken | |', '| --- | --: | --: | --: | --: | --: | --: |']
    for name, n, n_reached, b, b_taken in rows:
        out.append(f'| {name} | {n} | {n_reached} | {percent(n_reached, n)} | {b} | {b_taken} | {percent(b_taken, b)} |')
    out += ['', '## Lines that nothing reaches', '']
    for reason, places in unreached.items():
        out += [f'{reason}:', '', *(f'- `{place}`' for place in places), '']
    if unexplained:
        out += ['Nothing accounts for:', '', *(f'- `{place}`' for place in unexplained), '']
    open('doc/proof/coverage.md', 'w').write('\n'.join(out).rstrip() + '\n')

    for place in unexplained:
        print(f'unreached, and nothing accounts for it: {place}')
    for place in stale:
        print(f'stale: {place}')
    print(f'lines {percent(reached, lines)}, branches {percent(taken, branches)}')
    sys.exit(bool(unexplained or stale))


main()
