"""What is thrown at the extension: names, texts, lists and ids that break
whoever quotes, counts or measures them carelessly. Each generator takes the
random source and the Database whose encoding the strings are for."""

# Elements of an array. A server built for valgrind copies a list whenever it grows
# (DEBUG_LIST_MEMORY_USAGE in list.c), so that there a longer one takes seconds.
HUGE = 20000

# Whoever runs what is in a name calls the canary, or drops its bait; see world.py.
INJECTIONS = [
    "'; SELECT public.fuzz_canary(); --",
    '"; SELECT public.fuzz_canary(); --',
    "' || public.fuzz_canary() || '",
    'x" = public.fuzz_canary() OR "x',
    'x" IS NULL OR public.fuzz_canary() IS NULL --',
    "x') OR public.fuzz_canary() IS NULL --",
    "\\'; SELECT public.fuzz_canary(); --",
    'x; DROP TABLE public.fuzz_bait',
    '"); DROP TABLE public.fuzz_bait; --',
    '$$; SELECT public.fuzz_canary(); $$',
    '(SELECT public.fuzz_canary())',
    '*/ SELECT public.fuzz_canary() /*',
    'public.fuzz_canary()',
]

NAMES = [
    'plain', 'CamelCase', 'select', 'user', 'a b', ' leading', 'trailing ', "it's", 'say "hi"', '"', '""', "'", "''",
    '\\', 'back\\slash', "\\'", 'new\nline', 'cr\r', 'tab\t', '\x01', '$1', '$$', '$x$', '%', '%s%n%d', 'a.b', '.', 'a,b', ',',
    'a=b', '=', '(', ')', '[1]', '{a,b}', '*', '--', '/*', '*/', ';', '?', ':x', '|', '#', '~', '`', 'null', 'NULL', 'true', '0',
    '-1', 'é', '日本語', '🦀', 'İstanbul', '\u200b', '\u202e', 'ß', 'x' * 63, '"' * 63, "'" * 63, '\\' * 63, 'é' * 31, '日' * 21,
    'x', 'id', 'status', 'date', 'pg_catalog', 'BG_', 'RI_ConstraintTrigger_c_1', 'zz_booking_guard_delete',
]

# Bytes that are no UTF-8, for a database that takes all; latin-1 keeps them as they are.
BAD_UTF8 = ['\xff', '\xc3', 'a\xe2\x82', '\xf0\x9f', '\x80\x80', '\xc0\xaf', '\xed\xa0\x80', '\xfe"\xff', "\xe2'\\", '\xc3' * 63]

PUNCTUATION = ''' "'\\$%.,;:=()[]{}<>*/-+|&!?@#^~`_\n\t'''


def ident(name):
    return '"' + name.replace('"', '""') + '"'


def literal(string):
    """Read alike whether standard_conforming_strings is on or off."""
    return "E'" + string.replace('\\', '\\\\').replace("'", "''") + "'"


def text(string):
    return literal(string) + '::pg_catalog.text'


def array(strings):
    return f"ARRAY[{', '.join('NULL' if s is None else literal(s) for s in strings)}]::pg_catalog.text[]"


def name(rng, db):
    """At most 63 bytes, with every punctuation."""
    kind = rng.random()
    if kind < 0.3:
        string = db.recode(rng.choice(INJECTIONS))
    elif kind < 0.4 and db.takes_any_byte:
        string = rng.choice(BAD_UTF8)
    elif kind < 0.8:
        string = db.recode(rng.choice(NAMES))
    else:
        string = ''.join(rng.choice(PUNCTUATION + 'aZ') for _ in range(rng.randint(1, 63)))
    return db.clip(string, 63)


def distinct_names(rng, db, n):
    names = []
    while len(names) < n:
        candidate = name(rng, db)
        if candidate not in names:
            names.append(candidate)
    return names


def long_text(rng, db):
    """Longer than a name, a page, or what fits into anything fixed."""
    return name(rng, db) * 2 ** rng.randint(0, 15)


def any_text(rng, db, known):
    """A string for a text argument: a name that is known, hostile, empty or very long."""
    kind = rng.random()
    if kind < 0.45 and known:
        return rng.choice(known)
    if kind < 0.9:
        return name(rng, db)
    return rng.choice(['', long_text(rng, db)])


def any_array(rng, db, known):
    """A text[]: of known names, hostile ones or NULLs, empty, huge, of more dimensions, not counted from 1."""
    kind = rng.random()
    strings = [any_text(rng, db, known)[:1000] for _ in range(rng.randint(1, 4))]
    if kind < 0.5:
        return array(strings)
    if kind < 0.6:
        return array(strings + [None] + strings)
    if kind < 0.7:
        return f'ARRAY[{array(strings)}, {array(strings)}]'
    if kind < 0.8:
        low = rng.choice([-2147483648, -5, 0, 5, 2147483640])
        return literal(f'[{low}:{low + 1}]={{id,status}}') + '::pg_catalog.text[]'
    if kind < 0.85:
        return "'{}'::pg_catalog.text[]"
    if kind < 0.95:
        return f'pg_catalog.array_fill({text(strings[0])}, ARRAY[{rng.choice([33, 1000, HUGE])}])'
    return f'(SELECT pg_catalog.array_agg(n::pg_catalog.text) FROM pg_catalog.generate_series(1, {HUGE}) n)'


def any_id(rng, db, known):
    """An id or a tenant: of any type there is."""
    string = any_text(rng, db, known)
    return rng.choice([
        literal(string), text(string), array([string, string[:50]]), '42', '-9223372036854775808', '1e400', "'NaN'::pg_catalog.float8",
        "'00000000-0000-0000-0000-000000000001'::pg_catalog.uuid", "'\\x00ff'::pg_catalog.bytea", "'{}'::pg_catalog.jsonb",
        "'infinity'::pg_catalog.timestamptz", "'empty'::pg_catalog.int4range", "ROW(1, NULL, 'x')", 'true', '$$x$$', "'{1,2}'::pg_catalog.int4[]",
        "'{{1,2},{3,4}}'::pg_catalog.int4[]", "'{NULL,1}'::pg_catalog.int4[]", "'{}'::pg_catalog.int4[]", "'[7:8]={1,2}'::pg_catalog.int4[]",
        f'pg_catalog.array_fill(1, ARRAY[{HUGE}])', "'pg_class'::pg_catalog.regclass", "'0/0'::pg_catalog.pg_lsn", "'x'::pg_catalog.name",
        "B'101'", "'(1,2)'::pg_catalog.point", "'a'::pg_catalog.\"char\"", 'NULL::pg_catalog.int4', "ARRAY[ROW(1, 2)]", "'1'::pg_catalog.bpchar",
        "'<a/>'::pg_catalog.text::pg_catalog.varchar", "'08:00:2b:01:02:03'::pg_catalog.macaddr", "'now'::pg_catalog.timestamp", 'pg_catalog.now()',
    ])
