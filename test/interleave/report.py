"""What came out: to be shown, and doc/proof/interleave.md."""
import os
import platform
from collections import Counter
from pathlib import Path

PAGE = Path(__file__).parents[2] / 'doc' / 'proof' / 'interleave.md'

COLUMNS = {
    'interleavings': 'interleavings', 'broken': 'that lost a booking',
    'refused': 'refusals', 'false refused': 'of these false',
    'key refused': "foreign key's refusals", 'false key refused': 'of these false',
    'deadlocks': 'deadlocks', 'serialization': 'serialization failures',
}
ERRORS = {'schema': 'errors about the schema', 'unexpected': 'other errors'}


def by(of, results, groups):
    """Tallies of some groups of cases, by of(case)."""
    sums = {}
    for case, tally in results:
        if case.group in groups:
            sums.setdefault(of(case), Counter()).update(tally)
    return sums


def row(*cells):
    return f'| {" | ".join(map(str, cells))} |'


def table(title, sums, columns):
    return '\n'.join((row(title, *columns.values()), row(*['---'] * (len(columns) + 1)), *(
        row(name, *(f'{tally[column]:,}' for column in columns)) for name, tally in sums.items())))


def losses(results, of):
    """How often each way lost a booking, by of(case)."""
    sums = by(lambda case: (of(case), case.way.title), results, ('compared',))
    ways = list(dict.fromkeys(way for _, way in sums))
    lines = [row('', *ways), row(*['---'] * (len(ways) + 1))]
    lines += [row(name, *(f'{sums[name, way]["broken"]:,} of {sums[name, way]["interleavings"]:,}' for way in ways))
              for name in dict.fromkeys(name for name, _ in sums)]
    return '\n'.join(lines)


def summary(results):
    return table('group', by(lambda case: f'{case.way.name}, {case.group}', results, GROUPS), COLUMNS | ERRORS)


GUARD = ('compared', 'guard')
GROUPS = (*GUARD, 'two bookers', 'meanwhile')


def write(results, server, seconds):
    """The page, made of all cases' results."""
    guard = [result for result in results if result[0].way.name == 'guard']
    total = by(lambda case: 'all', guard, GROUPS)['all']
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(f'''# Every interleaving

`make prove` plays them and writes this page.

{total['interleavings']:,} interleavings with the guard: {total['broken']:,} lost a booking, {total['false refused']:,} refusals were false.

Played on PostgreSQL {server}, {os.cpu_count()} cores, {platform.system()}, in {seconds / 60:.0f} minutes.

## Ways to keep the promise

The same cases with each way.

{table('way', by(lambda case: case.way.title, results, ('compared',)), COLUMNS)}

Interleavings that lost a booking, by what the booker does:

{losses(results, lambda case: case.change.name)}

By what the deleter does:

{losses(results, lambda case: case.path.name)}

By foreign key:

{losses(results, lambda case: case.key)}

## The guard

By what the deleter does:

{table('delete path', by(lambda case: case.path.name, guard, GUARD), COLUMNS)}

By what the booker does:

{table('booking change', by(lambda case: case.change.name, guard, GUARD), COLUMNS)}

By foreign key:

{table('foreign key', by(lambda case: case.key, guard, GUARD), COLUMNS)}

## Three sessions

{table('two bookers and a deleter', by(lambda case: f'{case.change.name}; {case.third.name}', guard, ('two bookers',)), COLUMNS)}

{table('a booker, a deleter and what somebody else does meanwhile', by(lambda case: f'{case.change.name}; {case.third.name}', guard, ('meanwhile',)), COLUMNS | ERRORS)}

''' + HOW)


HOW = Path(__file__).with_name('page.md').read_text()
