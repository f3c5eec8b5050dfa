"""The databases under attack, and in them worlds: schemas, roles, types and
tables with hostile names, guards on them, and rows."""
from hostile import array, distinct_names, ident, literal

# A key's type, and how to write the values that the rows have.
KEY_TYPES = {
    'int4': ['1', '2', '3', '2147483647'],
    'int8': ['1', '-9223372036854775808', '3'],
    'numeric': ['1', '1.0001', "'NaN'"],
    'text': None,  # names
    'varchar(200)': None,
    'char(80)': None,
    'uuid': [f"'00000000-0000-0000-0000-00000000000{i}'" for i in (1, 2, 3)],
    'bytea': ["'\\x00'", "'\\x0001'", "''"],
    'int4[]': ["'{}'", "'{1,NULL}'", "'[5:6]={1,2}'"],
    'timestamptz': ["'infinity'", "'-infinity'", "'2026-01-01 00:00+00'"],
    'int4range': ["'empty'", "'[1,5)'", "'(,)'"],
    'boolean': ['true', 'false'],
    'labels': None,
    'domain': None,
}

PAST, AHEAD = "'2001-01-01 00:00'", "'2199-01-01 00:00'"
TIME_TYPES = {
    'timestamptz': [PAST, AHEAD, "'infinity'", "'-infinity'", 'NULL', "'4713-01-01 00:00+00 BC'", "'294276-12-31 23:59:59.999999+00'",
                    'pg_catalog.now()'],
    'timestamp': [PAST, AHEAD, "'infinity'", "'-infinity'", 'NULL', "'4713-11-24 00:00:00 BC'", "'294276-12-31 23:59:59.999999'",
                  "'2199-10-27 02:30'"],
    'date': [PAST, AHEAD, "'infinity'", "'-infinity'", 'NULL', "'5874897-12-31'", "'4713-11-24 BC'", "'294277-01-01'"],
    'tstzrange': [f'tstzrange({PAST}, {AHEAD})', "'empty'", "'(,)'", f'tstzrange({PAST}, {PAST}, $$[]$$)', "'[infinity,]'", 'NULL',
                  "'[-infinity,infinity)'"],
    'tsrange': [f'tsrange({PAST}, {AHEAD})', "'empty'", "'(,)'", "'[,294276-12-31 23:59:59.999999]'", "'[4713-11-24 BC,4713-11-24 BC]'", 'NULL'],
    'daterange': [f'daterange({PAST}, {AHEAD})', "'empty'", "'(,)'", "'[4713-11-24 BC,5874897-12-30]'", "'[,infinity]'", 'NULL'],
}

ZONES = ['UTC', 'Europe/Berlin', 'America/St_Johns', 'Pacific/Apia', 'Asia/Kathmandu']

FOREIGN_KEYS = [None, None, '', 'ON DELETE CASCADE', 'ON DELETE SET NULL', 'ON DELETE SET DEFAULT', 'ON UPDATE CASCADE ON DELETE CASCADE',
                'DEFERRABLE INITIALLY DEFERRED', 'ON DELETE RESTRICT', 'NOT VALID']


class Database:
    """One that is UTF8, or one that takes any byte."""

    def __init__(self, name, encoding):
        self.name = name
        self.encoding = encoding
        self.takes_any_byte = encoding == 'SQL_ASCII'
        self.codec = 'latin-1' if self.takes_any_byte else 'utf-8'
        self.extension_schema = self.clip(self.recode('ext "\' $$ \\ é;--'), 63) if self.takes_any_byte else 'public'

    def recode(self, string):
        return string.encode('utf-8').decode(self.codec)

    def clip(self, string, n):
        return string.encode(self.codec)[:n].decode(self.codec, 'ignore')

    def function(self, name):
        return f'{ident(self.extension_schema)}.{ident(name)}'

    def setup(self):
        """The extension, and what must never happen: the canary sings, the bait is touched."""
        yield f'CREATE SCHEMA IF NOT EXISTS {ident(self.extension_schema)}'
        yield f'CREATE EXTENSION booking_guard SCHEMA {ident(self.extension_schema)}'
        yield f'GRANT USAGE ON SCHEMA {ident(self.extension_schema)} TO PUBLIC'
        yield from CANARY
        yield f"SELECT {self.function('booking_guard_protect')}('public.fuzz_service', 'public.fuzz_booking')"
        for kind in ('int4', 'int8', 'text', 'bool', 'uuid', 'numeric', 'timestamptz', 'timestamp', 'date', 'bpchar', 'bytea'):
            yield f'''CREATE FUNCTION shadow.hijack({kind}, {kind}) RETURNS bool LANGUAGE plpgsql
                AS 'BEGIN PERFORM public.fuzz_canary(); RETURN false; END' '''
            for operator in ('=', '<>', '<', '<=', '>', '>='):
                yield f'CREATE OPERATOR shadow.{operator} (LEFTARG = {kind}, RIGHTARG = {kind}, FUNCTION = shadow.hijack)'
        for function in ('now() RETURNS timestamptz', 'timezone(text, timestamp) RETURNS timestamptz', 'timezone(text, timestamptz) RETURNS timestamp',
                         'upper(tstzrange) RETURNS timestamptz', 'isempty(tstzrange) RETURNS bool', 'date(timestamptz) RETURNS date',
                         'quote_ident(text) RETURNS text', 'format(text) RETURNS text', 'lower(text) RETURNS text'):
            yield f'''CREATE FUNCTION shadow.{function} LANGUAGE plpgsql AS 'BEGIN PERFORM public.fuzz_canary(); RETURN NULL; END' '''
        for catalog in ('pg_class', 'pg_trigger', 'pg_proc', 'pg_namespace', 'pg_type', 'pg_constraint'):
            yield f'CREATE VIEW shadow.{catalog} AS SELECT *, public.fuzz_canary() FROM pg_catalog.{catalog}'


# What the canary says is put together, so that no statement in the log looks like it.
CANARY = [
    '''CREATE FUNCTION public.fuzz_canary() RETURNS text LANGUAGE plpgsql AS $$
    BEGIN
        RAISE LOG '%', pg_catalog.concat('CANARY ', 'SINGS');
        RETURN 'sung';
    END $$''',
    'CREATE TABLE public.fuzz_bait (id int PRIMARY KEY)',
    'INSERT INTO public.fuzz_bait VALUES (1)',
    '''CREATE FUNCTION public.fuzz_bitten() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN
        PERFORM public.fuzz_canary();
        RETURN NULL;
    END $$''',
    '''CREATE TRIGGER bitten BEFORE INSERT OR UPDATE OR DELETE OR TRUNCATE ON public.fuzz_bait
        FOR EACH STATEMENT EXECUTE FUNCTION public.fuzz_bitten()''',
    # Calls of the extension may make and drop triggers, and nothing else.
    '''CREATE FUNCTION public.fuzz_watch() RETURNS event_trigger LANGUAGE plpgsql AS $$
    BEGIN
        IF pg_catalog.current_setting('fuzz.call', true) OPERATOR(pg_catalog.=) 'only'
            AND TG_TAG OPERATOR(pg_catalog.<>) ALL ('{CREATE TRIGGER,DROP TRIGGER}'::pg_catalog.text[])
        THEN
            RAISE LOG '%', pg_catalog.concat('UNASKED ', 'STATEMENT ', TG_TAG);
        END IF;
    END $$''',
    'CREATE EVENT TRIGGER fuzz_watch ON ddl_command_start EXECUTE FUNCTION public.fuzz_watch()',
    # A guard that nobody attacks: after every batch, it must still do its work.
    'CREATE TABLE public.fuzz_service (id int PRIMARY KEY)',
    'CREATE TABLE public.fuzz_booking (id int PRIMARY KEY, service_id int REFERENCES public.fuzz_service, status text, date timestamptz)',
    'CREATE INDEX ON public.fuzz_booking (service_id, date)',
    'INSERT INTO public.fuzz_service VALUES (1), (2)',
    "INSERT INTO public.fuzz_booking VALUES (1, 1, 'CONFIRMED', '2199-01-01')",
    'GRANT SET ON PARAMETER fuzz.call TO PUBLIC',
    'CREATE SCHEMA shadow',
    'GRANT USAGE ON SCHEMA shadow TO PUBLIC',
]


class Pair:
    """A service table and a booking table with a guard between them, as first made."""

    def __init__(self, rng, world, service, booking, primary_key):
        self.world = world
        db = world.db
        columns = distinct_names(rng, db, 12)
        self.service, self.booking, self.primary_key = service, booking, primary_key
        self.key_types = [rng.choice(list(KEY_TYPES)) for _ in range(rng.choice([1, 1, 1, 2, 3]))]
        self.service_key = columns[:len(self.key_types)]
        self.booking_key = columns[3:3 + len(self.key_types)]
        self.tenant = rng.choice([None, None, columns[6]])
        self.status = rng.choice([None, columns[7], columns[7], columns[7]])
        self.status_type = rng.choice(['labels', 'labels', 'text', 'varchar(100)', 'domain', 'char(70)'])
        self.inactive = rng.choice([None, columns[8]])
        self.time = rng.choice([None, columns[9], columns[9], columns[9]])
        self.time_type = rng.choice(list(TIME_TYPES))
        self.retire = rng.choice([None, None, columns[10]])
        self.id = columns[11]
        self.foreign_key = rng.choice(FOREIGN_KEYS)
        self.partitioned = [rng.random() < 0.2, rng.random() < 0.2]
        self.zone = rng.choice(ZONES)
        self.labels = distinct_names(rng, db, 2)

    def key_values(self, rng):
        return [rng.choice(self.world.values(kind)) for kind in self.key_types]

    def create(self, rng):
        world = self.world
        service, booking = world.table(self.service), world.table(self.booking)
        types = [world.type(kind) for kind in self.key_types]
        key = ', '.join(map(ident, self.service_key))

        definitions = [f'{ident(n)} {t}' for n, t in zip(self.service_key, types)]
        if self.tenant:
            definitions.append(f'{ident(self.tenant)} text')
        if self.retire:
            definitions.append(f'{ident(self.retire)} timestamptz')
        yield (f'CREATE TABLE {service} ({", ".join(definitions)}, CONSTRAINT {ident(self.primary_key)} PRIMARY KEY ({key}))' +
               (f' PARTITION BY HASH ({ident(self.service_key[0])})' if self.partitioned[0] else ''))
        yield from self.partitions(self.service, self.partitioned[0])

        definitions = [f'{ident(n)} {t}' for n, t in zip(self.booking_key, types)]
        if self.status:
            definitions.append(f'{ident(self.status)} {world.type(self.status_type)}')
        if self.inactive:
            definitions.append(f'{ident(self.inactive)} text')
        if self.time:
            definitions.append(f'{ident(self.time)} {self.time_type}')
        if self.foreign_key is not None and not (self.foreign_key == 'NOT VALID' and any(self.partitioned)):
            definitions.append(f'CONSTRAINT {ident(self.labels[0])} FOREIGN KEY ({", ".join(map(ident, self.booking_key))}) REFERENCES {service} {self.foreign_key}'
                               .replace(' NOT VALID', ''))
        yield (f'CREATE TABLE {booking} ({ident(self.id)} int, {", ".join(definitions)})' +
               (f' PARTITION BY HASH ({ident(self.id)})' if self.partitioned[1] else ''))
        yield from self.partitions(self.booking, self.partitioned[1])
        if rng.random() < 0.7:
            yield f'CREATE INDEX ON {booking} ({", ".join(map(ident, self.booking_key))})'
        if rng.random() < 0.3:
            yield f'ALTER TABLE {booking} ENABLE ROW LEVEL SECURITY'
            yield f'CREATE POLICY {ident(rng.choice(self.labels))} ON {booking} USING ({ident(self.id)} > 1)'
        for role in world.roles[1:]:
            yield f'GRANT SELECT, INSERT, UPDATE, DELETE, TRIGGER ON {service}, {booking} TO {ident(role)}'
        if rng.random() < 0.4:
            yield f'ALTER TABLE {booking} OWNER TO {ident(world.roles[2])}'
        yield self.protect(rng)
        for _ in range(3):
            yield self.insert_service(rng)
        for _ in range(4):
            yield self.insert_booking(rng)

    def partitions(self, name, partitioned):
        for i in range(2 if partitioned else 0):
            yield (f'CREATE TABLE {self.world.table(str(i) + name, self.world.schemas[i])} PARTITION OF {self.world.table(name)} '
                   f'FOR VALUES WITH (MODULUS 2, REMAINDER {i})')

    def options(self, rng):
        """The arguments that make this pair's guard."""
        options = {
            'service_table': literal(self.world.table(self.service)),
            'booking_table': literal(self.world.table(self.booking)),
            'booking_key': array(self.booking_key),
            'service_key': array(self.service_key),
            'status_column': literal(self.status) if self.status else 'NULL',
            'time_column': literal(self.time) if self.time else 'NULL',
            'time_zone': literal(self.zone),
            'label': literal(self.labels[0]),
            'booking_label': literal(self.labels[1]),
        }
        if self.status:
            options[rng.choice(['blocking_statuses', 'free_statuses'])] = array(self.world.labels[:2])
        if self.tenant:
            options['tenant_column'] = literal(self.tenant)
        if self.inactive:
            options['inactive_column'] = literal(self.inactive)
        if self.retire:
            options['retire_column'] = literal(self.retire)
        return options

    def protect(self, rng, **others):
        arguments = ', '.join(f'{name} => {value}' for name, value in (self.options(rng) | others).items())
        return f"SELECT {self.world.db.function('booking_guard_protect')}({arguments})"

    def insert_service(self, rng):
        return (f'INSERT INTO {self.world.table(self.service)} ({", ".join(map(ident, self.service_key))}) '
                f'VALUES ({", ".join(self.key_values(rng))}) ON CONFLICT DO NOTHING')

    def insert_bookings(self, rng, n):
        rows = [self.new_booking(rng) for _ in range(n)]
        return (f'INSERT INTO {self.world.table(self.booking)} ({", ".join(map(ident, rows[0]))}) '
                f'VALUES {", ".join("(" + ", ".join(row.values()) + ")" for row in rows)}')

    def insert_booking(self, rng):
        return self.insert_bookings(rng, 1)

    def new_booking(self, rng):
        values = dict(zip(self.booking_key, self.key_values(rng)))
        values[self.id] = str(rng.randint(1, 9))
        if self.status:
            values[self.status] = literal(rng.choice(self.world.labels))
        if self.time:
            values[self.time] = rng.choice(TIME_TYPES[self.time_type])
        if self.inactive:
            values[self.inactive] = rng.choice(['NULL', 'NULL', 'NULL', "'cancelled'"])
        return values


class World:
    """A new one every few batches; its tables change while it lasts."""

    def __init__(self, rng, db):
        self.db = db
        self.schemas = distinct_names(rng, db, 2)
        self.schemas = ['s' + schema if schema.startswith('pg_') else schema for schema in self.schemas]
        # nobody's friend, a clerk, an owner
        self.roles = [db.clip('r ' + role, 63) for role in distinct_names(rng, db, 3)]
        # a table is a type, too, and an index has a name like a table's
        self.enum, self.domain, *names = distinct_names(rng, db, 11)
        self.labels = distinct_names(rng, db, 4)
        self.pairs = [Pair(rng, self, *names[i:i + 3]) for i in (0, 3, 6)]

    def table(self, name, schema=None):
        return f'{ident(schema or self.schemas[0])}.{ident(self.db.clip(name, 63))}'

    def type(self, kind):
        return {'labels': self.table(self.enum), 'domain': self.table(self.domain)}.get(kind, kind)

    def values(self, kind):
        return KEY_TYPES[kind] or [literal(label) for label in self.labels]

    def create(self, rng):
        for schema in self.schemas:
            yield f'CREATE SCHEMA {ident(schema)}'
            yield f'GRANT ALL ON SCHEMA {ident(schema)} TO PUBLIC'
        for role in self.roles:
            yield f'CREATE ROLE {ident(role)}'
        yield f"CREATE TYPE {self.table(self.enum)} AS ENUM ({', '.join(map(literal, self.labels))})"
        yield f"CREATE DOMAIN {self.table(self.domain)} AS text CHECK (pg_catalog.length(VALUE) < 1000)"
        for pair in self.pairs:
            yield from pair.create(rng)

    def drop(self):
        for schema in self.schemas:
            yield f'DROP SCHEMA IF EXISTS {ident(schema)} CASCADE'
        for role in self.roles:
            yield f'DROP OWNED BY {ident(role)} CASCADE'
            yield f'DROP ROLE {ident(role)}'
