"""The attacks. Each is named for what it attacks, takes the random source and
the View of the world as it is now, and yields the statements to run: each in
a savepoint of its own, all in one transaction."""
from hostile import any_array, any_id, any_text, array, ident, literal, name, text
from world import TIME_TYPES


class Must(str):
    """A statement that has to succeed."""


class Taint(str):
    """A statement after which a guard need not keep its promise: the transaction is rolled back."""


#
# Functions
#

def any_table(rng, view):
    """An argument of type regclass."""
    return rng.choice([
        literal(rng.choice(view.tables)) if view.tables else 'NULL', literal(rng.choice(view.tables)) if view.tables else 'NULL',
        literal(rng.choice(view.relations)) + '::pg_catalog.regclass' if view.relations else 'NULL',
        literal(rng.choice(['pg_class', 'pg_trigger', 'pg_authid', 'booking_guards', 'pg_class_oid_index', 'pg_toast.pg_toast_1255'])),
        rng.choice(['0', '1', '4294967295', '2147483648']) + '::pg_catalog.oid',
        'NULL', literal(name(rng, view.db)), literal(ident(name(rng, view.db)))])


def any_argument(rng, view, kind):
    if rng.random() < 0.1:
        return 'NULL'
    if kind == 'regclass':
        return any_table(rng, view)
    if kind == 'text[]':
        return any_array(rng, view.db, view.columns)
    if kind == 'boolean':
        return rng.choice(['true', 'true', 'false'])
    if kind == 'text':
        return text(any_text(rng, view.db, view.columns + view.words))
    return any_id(rng, view.db, view.words)


def any_arguments(rng, view, function):
    """Some arguments of a function: as many as it takes, or fewer, or one of a wrong type or name; by name from some point on."""
    arguments = []
    by_name = False
    for i, (argument, kind) in enumerate(function.arguments):
        by_name = by_name or rng.random() < 0.2
        if i >= function.required and by_name and rng.random() < 0.6:
            continue
        kind = rng.choice(['text', 'anyelement', 'text[]', 'regclass']) if rng.random() < 0.03 else kind
        arguments.append((f'{ident(argument)} => ' if by_name else '') + any_argument(rng, view, kind))
    return ', '.join(arguments)


def call_any_function(rng, view):
    """Every function of the extension, those for triggers included, with anything."""
    function = rng.choice(view.functions)
    call = f'{function.name}({any_arguments(rng, view, function)})'
    kind = Taint if 'validate' in call else str
    yield kind(rng.choice(['SELECT {}', 'SELECT * FROM {}', 'SELECT x FROM {} x', 'SELECT ({}).*',
                           'SELECT 1 WHERE ({}) IS NULL', 'SELECT * FROM pg_catalog.generate_series(1, 2) LEFT JOIN LATERAL {} x ON true']).format(call))


def protect_with_options_that_nearly_fit(rng, view):
    pair = rng.choice(view.world.pairs)
    options = dict(pair.options(rng), or_replace='true')
    for _ in range(rng.randint(0, 2)):
        option = rng.choice(view.protect.arguments)
        options[option[0]] = any_argument(rng, view, option[1])
    arguments = ', '.join(f'{ident(option)} => {value}' for option, value in options.items())
    kind = Taint if 'validate' in options else str
    yield kind(f'SELECT {view.protect.name}({arguments})')
    if rng.random() < 0.3:
        yield f"SELECT {view.function('booking_guard_unprotect')}({options['service_table']}, {options['booking_table']})"


def delete_by_verdict(rng, view):
    for _ in range(2):
        pair = rng.choice(view.world.pairs)
        key = pair.key_values(rng)
        service_id = f"ARRAY[{', '.join(f'({value})::pg_catalog.text' for value in key)}]" if len(key) > 1 else key[0]
        tenant = rng.choice(['NULL', any_id(rng, view.db, view.words)]) if pair.tenant else 'NULL'
        function = rng.choice(['safe_delete_service', 'safe_retire_service', 'booking_guard_blocking_bookings'])
        yield f'SELECT * FROM {view.function(function)}({service_id}, {tenant}, {literal(view.world.table(pair.service))})'


def make_guards_again_by_their_definition(rng, view):
    """What the view says of a guard must make the very same."""
    for guard in view.sound_guards:
        definition = literal(guard['definition'])
        yield Must(f"SELECT {view.function('booking_guard_unprotect')}({literal(guard['service_table'])}, "
                   f"{literal(guard['booking_table'])}, {array(guard['booking_key'])})")
        yield Must(guard['definition'])
        yield Must("DO " + literal(f"""BEGIN
            ASSERT (SELECT pg_catalog.count(*) = 1 FROM {view.function('booking_guards')} WHERE definition = {definition});
            END"""))


def look_at_guards(rng, view):
    yield Must(f"SELECT * FROM {view.function('booking_guards')}")
    yield Must(f"SELECT * FROM {view.function('booking_guard_health')}({rng.choice(['', 'true', 'false'])})")


#
# Triggers
#

def mutate(rng, view, arguments):
    """Trigger arguments with some missing, twice, of the other table, misspelt, empty or huge."""
    arguments = list(arguments)
    for _ in range(rng.randint(0, 3)):
        i = rng.randrange(len(arguments) + 1)
        option = rng.choice(view.protect.arguments)[0]
        value = rng.choice([any_text(rng, view.db, view.columns + view.words), 'true', '"', '"a', 'a,,b', ',', '"a"b', ' a , b ', 'x,' * 50000])
        kind = rng.random()
        if kind < 0.2:
            arguments[i:i + 1] = []
        elif kind < 0.3:
            arguments += arguments[i:i + 1]
        elif kind < 0.4:
            arguments.insert(i, value)
        elif kind < 0.5:
            arguments[i:i + 1] = [option]
        elif kind < 0.6 and i < len(arguments):
            arguments[i] = arguments[i][:rng.randrange(len(arguments[i]) + 1)]
        else:
            arguments[i:i + 1] = [f'{option}={value}']
    return arguments


def guard_triggers_made_by_hand(rng, view):
    """With mutated arguments, on wrong tables, at wrong times, for a statement, with WHEN, columns or transition tables."""
    function = rng.choice(view.trigger_functions)
    guard = rng.choice(view.triggers) if view.triggers else None
    arguments = mutate(rng, view, guard['arguments'] if guard else [])
    table = guard['relation'] if guard and rng.random() < 0.7 else rng.choice(view.relations)
    other = guard['other'] if guard and guard['other'] and rng.random() < 0.7 else rng.choice(view.relations)
    if guard and rng.random() < 0.7:
        function = guard['function']
    trigger = ident(rng.choice([guard['name'] if guard else 'BG_x', 'BG_x', 'zz_booking_guard_delete', name(rng, view.db)]))
    if guard and rng.random() < 0.5:
        yield Taint(f"DROP TRIGGER {ident(guard['name'])} ON {guard['relation']}")
    events = ' OR '.join(rng.sample(['INSERT', 'DELETE', 'UPDATE', 'TRUNCATE'], rng.randint(1, 3)))
    if guard and rng.random() < 0.5:
        events = 'DELETE OR UPDATE' if guard['function'].endswith('service"') else 'INSERT OR UPDATE'
    call = f"EXECUTE FUNCTION {function}({', '.join(map(literal, arguments))})"
    if rng.random() < 0.6:
        yield Taint(f"CREATE CONSTRAINT TRIGGER {trigger} AFTER {events} ON {table} {rng.choice([f'FROM {other}', f'FROM {other}', ''])} "
                    f"{rng.choice(['', 'DEFERRABLE INITIALLY DEFERRED'])} FOR EACH ROW {rng.choice(['', '', 'WHEN (true)'])} {call}")
    else:
        transition = rng.choice(['', '', '', 'REFERENCING OLD TABLE AS gone', 'REFERENCING NEW TABLE AS come'])
        yield Taint(f"CREATE TRIGGER {trigger} {rng.choice(['BEFORE', 'AFTER', 'INSTEAD OF'])} {events} ON {table} {transition} "
                    f"FOR EACH {rng.choice(['ROW', 'STATEMENT'])} {rng.choice(['', '', 'WHEN (false)', 'WHEN (true)'])} {call}")
    yield from write_rows(rng, view)
    yield from delete_rows(rng, view)
    yield Must(f"SELECT * FROM {view.function('booking_guards')}")
    yield Must(f"SELECT * FROM {view.function('booking_guard_health')}()")
    yield from delete_by_verdict(rng, view)
    yield from protect_with_options_that_nearly_fit(rng, view)


def event_triggers_made_by_hand(rng, view):
    function = rng.choice(view.event_trigger_functions)
    event = rng.choice(['ddl_command_start', 'ddl_command_end', 'sql_drop', 'table_rewrite'])
    yield Taint(f'CREATE EVENT TRIGGER fuzz_by_hand ON {event} EXECUTE FUNCTION {function}()')
    yield from change_schema(rng, view)
    yield 'DROP EVENT TRIGGER fuzz_by_hand'


def user_triggers_that_interfere(rng, view):
    """Triggers on guarded tables that delete services, book, protect and unprotect in the middle, call themselves, or keep rows as they were."""
    pair = rng.choice(view.world.pairs)
    service, booking = view.world.table(pair.service), view.world.table(pair.booking)
    table = rng.choice([service, booking])
    actions = [
        f'DELETE FROM {service}', pair.insert_booking(rng), pair.insert_service(rng), f'DELETE FROM {booking}', f'TRUNCATE {service} CASCADE',
        f"PERFORM * FROM {view.function('safe_delete_service')}({literal(pair.key_values(rng)[0])}, NULL, {literal(service)})",
        pair.protect(rng, or_replace='true').replace('SELECT', 'PERFORM', 1),
        f"PERFORM {view.function('booking_guard_unprotect')}({literal(service)}, {literal(booking)})",
        f'UPDATE {service} SET {ident(pair.service_key[0])} = {pair.key_values(rng)[0]}',
        f'UPDATE {booking} SET {ident(pair.booking_key[0])} = {rng.choice([pair.key_values(rng)[0], "NULL"])}',
        f'DROP TABLE {rng.choice([service, booking])}', f"PERFORM * FROM {view.function('booking_guard_health')}()",
        'RETURN NULL', 'SET CONSTRAINTS ALL IMMEDIATE', f'ALTER TABLE {booking} DISABLE TRIGGER ALL',
    ]
    body = ''
    for action in rng.sample(actions, rng.randint(1, 3)):
        body += f'BEGIN {action}; '
        if rng.random() < 0.5:
            body += "EXCEPTION WHEN internal_error OR data_corrupted OR syntax_error THEN RAISE; WHEN OTHERS THEN NULL; "
        body += 'END; '
    function = view.world.table(name(rng, view.db))
    # without operators, so that a search_path can change nothing here
    yield (f'CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET search_path = pg_catalog SET fuzz.call = off AS ' +
           literal(f"BEGIN IF pg_trigger_depth() < 6 THEN {body} END IF; IF TG_OP = 'DELETE' THEN RETURN OLD; END IF; RETURN NEW; END"))
    trigger = ident(rng.choice(['BG_', 'AA', 'zzz', 'RI_ConstraintTrigger_a', name(rng, view.db)]))
    events = ' OR '.join(rng.sample(['INSERT', 'DELETE', 'UPDATE'], rng.randint(1, 3)))
    kind = Taint if 'DISABLE' in body else str
    yield kind(rng.choice([
        f'CREATE TRIGGER {trigger} BEFORE {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()',
        f'CREATE TRIGGER {trigger} AFTER {events} ON {table} FOR EACH ROW EXECUTE FUNCTION {function}()',
        f'CREATE TRIGGER {trigger} AFTER {events} ON {table} FOR EACH STATEMENT EXECUTE FUNCTION {function}()',
        f'CREATE CONSTRAINT TRIGGER {trigger} AFTER {events} ON {table} DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION {function}()']))
    yield from write_rows(rng, view)
    yield from delete_rows(rng, view)
    if rng.random() < 0.9:
        yield f'DROP FUNCTION {function}() CASCADE'


def protect_in_the_middle_of_a_statement(rng, view):
    """By a trigger of the statement that writes the rows to be guarded."""
    pair = rng.choice(view.world.pairs)
    service, booking, function = view.world.table(pair.service), view.world.table(pair.booking), view.world.table('protects')
    yield f"SELECT {view.function('booking_guard_unprotect')}({literal(service)}, {literal(booking)})"
    yield (f'CREATE FUNCTION {function}() RETURNS trigger LANGUAGE plpgsql SET fuzz.call = off AS ' +
           literal(f"BEGIN {pair.protect(rng).replace('SELECT', 'PERFORM', 1)}; RETURN coalesce(NEW, OLD); EXCEPTION WHEN object_in_use THEN RETURN coalesce(NEW, OLD); END"))
    for table in service, booking:
        yield (f'CREATE TRIGGER protects {rng.choice(["BEFORE", "AFTER"])} INSERT OR UPDATE OR DELETE ON {table} '
               f'FOR EACH {rng.choice(["ROW", "STATEMENT"])} EXECUTE FUNCTION {function}()')
    yield rng.choice([f'DELETE FROM {service}', pair.insert_bookings(rng, 8), pair.insert_bookings(rng, 8)])
    yield f'DROP FUNCTION {function}() CASCADE'
    yield pair.protect(rng)


#
# Rows
#

def write_rows(rng, view):
    """Bookings at the ends of time, without a key, of a service that is not there."""
    for _ in range(rng.randint(1, 4)):
        pair = rng.choice(view.world.pairs)
        booking = view.world.table(pair.booking)
        changes = [
            pair.insert_service(rng), pair.insert_booking(rng), pair.insert_booking(rng),
            f'UPDATE {booking} SET {ident(pair.booking_key[0])} = {rng.choice([pair.key_values(rng)[0], "NULL"])}',
            f'UPDATE {view.world.table(pair.service)} SET {ident(pair.service_key[0])} = {pair.key_values(rng)[0]}',
            f'INSERT INTO {booking} SELECT * FROM {booking}',
        ]
        if pair.status:
            changes.append(f'UPDATE {booking} SET {ident(pair.status)} = {rng.choice([literal(rng.choice(view.world.labels)), "NULL"])}')
        if pair.time:
            changes.append(f'UPDATE {booking} SET {ident(pair.time)} = {rng.choice(TIME_TYPES[pair.time_type])}')
        if pair.retire:
            changes.append(f'UPDATE {view.world.table(pair.service)} SET {ident(pair.retire)} = {rng.choice(["pg_catalog.now()", "NULL"])}')
        yield rng.choice(changes)


def delete_rows(rng, view):
    pair = rng.choice(view.world.pairs)
    service, booking = view.world.table(pair.service), view.world.table(pair.booking)
    yield rng.choice([
        f'DELETE FROM {service}', f'DELETE FROM {service}', f'DELETE FROM {booking}', f'TRUNCATE {service}', f'TRUNCATE {service} CASCADE',
        f'TRUNCATE {booking}, {service}', f'WITH gone AS (DELETE FROM {service} RETURNING 1) {pair.insert_booking(rng)}',
        f'WITH gone AS (DELETE FROM {booking} RETURNING 1) DELETE FROM {service}', f'MERGE INTO {service} USING (SELECT 1) y ON true WHEN MATCHED THEN DELETE',
    ])
    if rng.random() < 0.3:
        yield 'SET CONSTRAINTS ALL ' + rng.choice(['IMMEDIATE', 'DEFERRED'])


#
# Around them
#

def change_schema(rng, view):
    """Tables, columns, types, labels, constraints and guards renamed, moved, altered and dropped in the same transaction."""
    for _ in range(rng.randint(1, 3)):
        pair = rng.choice(view.world.pairs)
        new = ident(name(rng, view.db))
        table = rng.choice(view.tables) if view.tables else view.world.table(pair.service)
        column = ident(rng.choice(view.columns)) if view.columns else 'x'
        service, booking = view.world.table(pair.service), view.world.table(pair.booking)
        yield rng.choice([
            f'ALTER TABLE {table} RENAME TO {new}', f'ALTER TABLE {table} RENAME COLUMN {column} TO {new}',
            f'ALTER TABLE {table} DROP COLUMN {column} {rng.choice(["", "CASCADE"])}', f'DROP TABLE {table} {rng.choice(["", "CASCADE"])}',
            f'ALTER TABLE {table} ALTER COLUMN {column} TYPE {rng.choice(["text", "int", "uuid", "text COLLATE ucs_basic", "bool"])} '
            f'USING {rng.choice(["NULL", column + "::pg_catalog.text"])}',
            f'ALTER TABLE {table} SET SCHEMA {ident(rng.choice(view.world.schemas))}', f'ALTER TABLE {table} SET UNLOGGED',
            f'ALTER SCHEMA {ident(rng.choice(view.world.schemas))} RENAME TO {new}',
            f'ALTER TYPE {view.world.type("labels")} RENAME VALUE {literal(rng.choice(view.world.labels))} TO {literal(name(rng, view.db))}',
            f'ALTER TYPE {view.world.type("labels")} ADD VALUE {literal(name(rng, view.db))}', f'ALTER TYPE {view.world.type("labels")} RENAME TO {new}',
            f'DROP TYPE {view.world.type("labels")} CASCADE', f'DROP DOMAIN {view.world.type("domain")} CASCADE',
            f'ALTER TABLE {service} DROP CONSTRAINT {ident(pair.primary_key)} CASCADE',
            f'CREATE TABLE {view.world.table(name(rng, view.db))} PARTITION OF {table} FOR VALUES WITH (MODULUS 4, REMAINDER 1)',
            f'ALTER TABLE {table} DETACH PARTITION {rng.choice(view.relations)}', f'ALTER TABLE {table} ATTACH PARTITION {rng.choice(view.relations)} DEFAULT',
            f'ALTER TABLE {table} INHERIT {rng.choice(view.relations)}', f'ALTER TABLE {table} OWNER TO {ident(rng.choice(view.world.roles))}',
            f'CREATE VIEW {view.world.table(name(rng, view.db))} AS SELECT * FROM {table}', f'CREATE TABLE {view.world.table(name(rng, view.db))} (LIKE {table} INCLUDING ALL)',
            f'ALTER TABLE {service} RENAME CONSTRAINT {ident(pair.primary_key)} TO {new}', f'ALTER TABLE {booking} DROP CONSTRAINT {ident(pair.labels[0])}',
            f'ALTER TABLE {booking} RENAME CONSTRAINT {ident(pair.labels[0])} TO {new}', f'DROP SCHEMA {ident(rng.choice(view.world.schemas))} CASCADE',
            f"SELECT {view.function('booking_guard_unprotect')}({literal(service)}, {literal(booking)})", pair.protect(rng, or_replace='true'),
            *(f"ALTER TRIGGER {ident(trigger['name'])} ON {trigger['relation']} RENAME TO {new}" for trigger in view.triggers[:2]),
        ])
        if rng.random() < 0.3:
            yield Taint(f'ALTER TABLE {rng.choice([service, booking])} {rng.choice(["DISABLE", "ENABLE", "ENABLE ALWAYS", "ENABLE REPLICA"])} TRIGGER ' +
                        rng.choice(['ALL', 'USER', *(ident(trigger['name']) for trigger in view.triggers[:3])]))
        yield from rng.choice([write_rows, delete_rows, delete_by_verdict, look_at_guards])(rng, view)


def shadow_the_catalog(rng, view):
    """A search_path on which operators, functions and tables of the catalog are the canary."""
    yield 'SET LOCAL search_path = shadow, pg_catalog'
    yield from rng.choice([call_any_function, protect_with_options_that_nearly_fit, delete_by_verdict, look_at_guards])(rng, view)
    # none of these has an operator of its own
    yield from write_rows(rng, view)
    yield from delete_rows(rng, view)
    yield 'SET LOCAL search_path TO DEFAULT'


def change_settings(rng, view):
    yield rng.choice([
        'SET LOCAL standard_conforming_strings = off', 'SET LOCAL quote_all_identifiers = on', 'SET LOCAL backslash_quote = off',
        "SET LOCAL datestyle = 'SQL, DMY'", "SET LOCAL datestyle = 'German'", "SET LOCAL timezone = 'America/St_Johns'", "SET LOCAL timezone = '-99:00'",
        'SET LOCAL extra_float_digits = -15', 'SET LOCAL bytea_output = escape', 'SET LOCAL array_nulls = off', 'SET LOCAL row_security = off',
        'SET LOCAL enable_seqscan = off', 'SET LOCAL enable_indexscan = off', 'SET LOCAL plan_cache_mode = force_generic_plan',
        'SET LOCAL default_transaction_read_only = on', "SET LOCAL work_mem = '64kB'", "SET LOCAL intervalstyle = 'iso_8601'",
        "SET LOCAL timezone_abbreviations = 'India'", 'SET LOCAL default_tablespace = pg_default', "SET LOCAL lc_messages = 'C'",
        'SET LOCAL check_function_bodies = off', 'SET LOCAL transform_null_equals = on', 'SET LOCAL default_with_oids = off', 'SET LOCAL jit_above_cost = 0',
        "SET LOCAL default_table_access_method = 'heap'", 'SET LOCAL booking_guard.log_blocked = on', 'SET LOCAL statement_timeout = 5',
        'SET LOCAL temp_tablespaces = pg_default', 'SET LOCAL force_parallel_mode = on'])
    if rng.random() < 0.2:
        yield Taint(rng.choice(["SET LOCAL booking_guard.enforcement = 'warn'", "SET LOCAL booking_guard.enforcement = 'off'",
                                'SET LOCAL session_replication_role = replica']))
    yield from rng.choice([call_any_function, write_rows, delete_rows, delete_by_verdict, change_schema])(rng, view)


def become_somebody_else(rng, view):
    yield f'SET LOCAL ROLE {ident(rng.choice(view.world.roles))}'
    yield from rng.choice([call_any_function, protect_with_options_that_nearly_fit, delete_by_verdict, look_at_guards, delete_rows, write_rows,
                           change_schema, user_triggers_that_interfere, shadow_the_catalog])(rng, view)
    yield 'RESET ROLE'


ATTACKS = {
    call_any_function: 6,
    protect_with_options_that_nearly_fit: 3,
    delete_by_verdict: 3,
    make_guards_again_by_their_definition: 1,
    look_at_guards: 1,
    guard_triggers_made_by_hand: 4,
    event_triggers_made_by_hand: 1,
    user_triggers_that_interfere: 3,
    protect_in_the_middle_of_a_statement: 3,
    write_rows: 3,
    delete_rows: 3,
    change_schema: 3,
    shadow_the_catalog: 3,
    change_settings: 3,
    become_somebody_else: 3,
}
