"""The world as it is at this moment, from the catalog, for attacks to aim at."""
import psycopg2

from hostile import ident


class Function:
    def __init__(self, db, row):
        self.short = row['proname']
        self.name = db.function(row['proname'])
        self.returns = row['returns']
        self.arguments = list(zip(row['names'] or [], row['types']))
        self.required = len(self.arguments) - row['pronargdefaults']


# Read from the catalog, so that a new one cannot be forgotten.
FUNCTIONS = '''
    SELECT proname, prorettype::regtype::text AS returns, pronargdefaults, proargnames AS names,
        ARRAY(SELECT t::regtype::text FROM unnest(proargtypes) WITH ORDINALITY u(t, n) ORDER BY n) AS types
    FROM pg_proc WHERE oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e'
        AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'booking_guard'))
    ORDER BY oid'''

RELATIONS = '''
    SELECT format('%I.%I', nspname, relname) AS name, relkind,
        ARRAY(SELECT attname::text FROM pg_attribute WHERE attrelid = c.oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum) AS columns
    FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace
    WHERE nspname NOT IN ('public', 'shadow', 'information_schema') AND nspname !~ '^pg_'
        AND n.oid NOT IN (SELECT extnamespace FROM pg_extension)
    ORDER BY nspname, relname'''

TRIGGERS = '''
    SELECT tgname::text AS name, tgargs, proname, format('%I.%I', n.nspname, c.relname) AS relation,
        CASE WHEN o.oid IS NOT NULL THEN format('%I.%I', m.nspname, o.relname) END AS other
    FROM pg_trigger t JOIN pg_proc p ON p.oid = tgfoid
    JOIN pg_class c ON c.oid = tgrelid JOIN pg_namespace n ON n.oid = c.relnamespace
    LEFT JOIN pg_class o ON o.oid = tgconstrrelid LEFT JOIN pg_namespace m ON m.oid = o.relnamespace
    WHERE NOT tgisinternal AND tgparentid = 0 AND n.nspname <> 'public'
        AND p.oid IN (SELECT objid FROM pg_depend WHERE classid = 'pg_proc'::regclass AND deptype = 'e')
    ORDER BY n.nspname, c.relname, tgname'''


class View:
    functions_of = {}

    def __init__(self, query, db, world):
        self.db = db
        self.world = world
        if db not in self.functions_of:
            self.functions_of[db] = [Function(db, row) for row in query(FUNCTIONS)]
        self.functions = self.functions_of[db]
        self.protect = next(f for f in self.functions if f.short == 'booking_guard_protect')
        self.trigger_functions = [f.name for f in self.functions if f.returns == 'trigger']
        self.event_trigger_functions = [f.name for f in self.functions if f.returns == 'event_trigger']

        rows = query(RELATIONS)
        self.relations = [row['name'] for row in rows] or ['public.fuzz_bait']
        self.tables = [row['name'] for row in rows if row['relkind'] in 'rp']
        self.columns = [column for row in rows if row['relkind'] in 'rp' for column in row['columns']]
        self.words = world.labels + ['UTC', 'Europe/Berlin', 'warn', 'enforce', 'PENDING', '42', '1']
        self.triggers = query(TRIGGERS)
        for row in self.triggers:
            row['arguments'] = bytes(row['tgargs']).decode(db.codec).split('\0')[:-1]
            row['function'] = db.function(row['proname'])
        self.guards = query(f"SELECT * FROM {db.function('booking_guards')} WHERE service_table !~ '^public\\.'")
        broken = {row['guard'] for row in query(f"SELECT guard FROM {db.function('booking_guard_health')}(false) WHERE severity = 'error'")}
        self.sound_guards = [guard for guard in self.guards if guard['guard'] not in broken]

    def function(self, name):
        return self.db.function(name)
