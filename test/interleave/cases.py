"""Which cases there are."""
from itertools import product

from case import Case
from scenarios import CHANGES, FOREIGN_KEYS, LEVELS, MEANWHILE, PATHS, SAME_BOOKING
from ways import WAYS

GUARD = WAYS['guard']
PAIRS = [(booker, deleter) for booker in LEVELS for deleter in LEVELS]

# What the usual fixes are tried on as well: enough to see what they lose.
COMPARED_KEYS = ('none', 'RESTRICT', 'CASCADE', 'SET NULL')
COMPARED_PAIRS = [('RC', 'RC'), ('RC', 'RR'), ('RR', 'RR'), ('SER', 'SER')]

# Of these, also orders in which one of the two rolls back.
UNDECIDED = [('RC', 'RC'), ('RR', 'RR')]

# Three sessions have very many orders, so only the risky ones.
SECOND_BOOKERS = [(CHANGES[first], CHANGES[second]) for first, second in (
    ('insert', 'insert'), ('insert', 're-confirm'), ('re-confirm', 'reschedule ahead'), ('re-assign', 're-confirm'))]
SECOND_BOOKERS += [(CHANGES['re-confirm'], second) for second in SAME_BOOKING]
RISKY_PATHS = [PATHS[path] for path in ('DELETE', 'safe_delete_service()', 'key change', 'retire by UPDATE', 'lock, then DELETE')]
RISKY_KEYS = ('none', 'CASCADE', 'SET NULL', 'deferrable')
RISKY_PAIRS = [('RC', 'RC'), ('RC', 'RR'), ('RR', 'RC')]


def all_pairs(server_version):
    for way, change, path, key in product(WAYS.values(), CHANGES.values(), paths(server_version), FOREIGN_KEYS):
        compared = key in COMPARED_KEYS and not path.guarded
        if compared:
            yield Case('compared', way, change, path, key, COMPARED_PAIRS)
        if way is GUARD:
            yield Case('guard', way, change, path, key, [pair for pair in PAIRS if not (compared and pair in COMPARED_PAIRS)])
            yield Case('guard', way, change, path, key, UNDECIDED, undecided=('booker', 'deleter'))


def all_triples():
    for (change, second), path, key in product(SECOND_BOOKERS, RISKY_PATHS, RISKY_KEYS):
        yield Case('two bookers', GUARD, change, path, key, RISKY_PAIRS, second)
    for other, path, key in product(MEANWHILE, RISKY_PATHS, RISKY_KEYS):
        if key in other.keys:
            yield Case('meanwhile', GUARD, CHANGES[other.change], path, key, RISKY_PAIRS, other)


def paths(server_version):
    return [path for path in PATHS.values() if path.since <= server_version]


def whole(server_version):
    return [*all_pairs(server_version), *all_triples()]


def sample(server_version):
    """Every change with every path, each with the next foreign key and pair of
    levels; a few with three sessions; and of each usual fix one that it loses.
    """
    keys = list(FOREIGN_KEYS)
    for (i, change), (j, path) in product(enumerate(CHANGES.values()), enumerate(paths(server_version))):
        yield Case('guard', GUARD, change, path, keys[(i + j) % len(keys)], [PAIRS[(2 * i + j) % len(PAIRS)]])
    for i, (change, second) in enumerate(SECOND_BOOKERS):
        yield Case('two bookers', GUARD, change, RISKY_PATHS[i % len(RISKY_PATHS)], RISKY_KEYS[i % len(RISKY_KEYS)], [('RC', 'RC')], second)
    for i, other in enumerate(MEANWHILE):
        yield Case('meanwhile', GUARD, CHANGES[other.change], RISKY_PATHS[i % len(RISKY_PATHS) - 1], other.keys[-1],
                   [('RC', 'RC')], other)
    for key in ('none', 'CASCADE'):     # where chance decides who is first
        yield Case('meanwhile', GUARD, CHANGES['insert'], PATHS['lock, then DELETE'], key, [('RC', 'RC')] * 20, MEANWHILE[0])
    for way, change, key, pair in (('none', 'insert', 'none', ('RC', 'RC')), ('lock', 're-confirm', 'SET NULL', ('RC', 'RC')),
                                   ('trigger', 'insert', 'none', ('RC', 'RC')), ('triggers', 'insert', 'none', ('RC', 'RR'))):
        yield Case('compared', WAYS[way], CHANGES[change], PATHS['DELETE'], key, [pair])
