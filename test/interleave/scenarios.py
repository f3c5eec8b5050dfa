"""What is interleaved: booking changes, delete paths and foreign keys.

All is about service 1 of tenant 1, the haircut, and in some changes also about
another one, the shave. A change's statements return the bookings that it has
left active and upcoming, so that the booker can write them into the ledger: id,
tenant and service.
"""
from collections import namedtuple

LEVELS = {'RC': 'READ COMMITTED', 'RR': 'REPEATABLE READ', 'SER': 'SERIALIZABLE'}

# name    for the page
# rows    bookings there are before: VALUES of id, tenant_id, service_id, status, date
# sql     {old} is the id of the first of those, {new} that of a booking to be made
# setup   triggers of the application
# promised  what is in the ledger before: VALUES of booking, service
# key     whether the tenant is part of the key
# parted  whether the bookings have partitions, by status
# clock   whether the booking's time passes between the two transactions' starts
Change = namedtuple('Change', 'name rows sql setup promised composite parted clock',
                    defaults=('', '', False, False, False))

CANCELLED = "({old}, 1, 1, 'CANCELLED', '2100-01-01')"
RETURNING = 'RETURNING id, service_id, status'

CONFIRM = f"UPDATE booking SET status = 'CONFIRMED' WHERE id = {{old}} {RETURNING}"


def application_trigger(name, when, body):
    """On a change of the note, for changes that only triggers make."""
    return f'''
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            IF NEW.note IS NOT NULL AND OLD.note IS NULL THEN {body} END IF;
            RETURN NEW;
        END $$;
        CREATE TRIGGER "{name}" {when} UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION {name}();
    '''


NOTE = "UPDATE booking SET note = 'paid' WHERE id = {old} RETURNING id, "

CHANGES = {change.name: change for change in (
    Change('insert', '', f"INSERT INTO booking VALUES ({{new}}, 1, 1, 'PENDING', '2100-01-01') {RETURNING}"),
    Change('re-confirm', CANCELLED, CONFIRM),
    Change('reschedule ahead', "({old}, 1, 1, 'CONFIRMED', '2000-01-01')",
           f"UPDATE booking SET date = '2100-01-01' WHERE id = {{old}} {RETURNING}"),
    Change('re-assign', "({old}, 1, 2, 'CONFIRMED', '2100-01-01')",
           f"UPDATE booking SET service_id = 1 WHERE id = {{old}} {RETURNING}", promised="({old}, 'shave')"),
    Change('set key', "({old}, 1, NULL, 'CONFIRMED', '2100-01-01')",
           f"UPDATE booking SET service_id = 1 WHERE id = {{old}} {RETURNING}"),
    Change('move of tenant', "({old}, 2, 1, 'CONFIRMED', '2100-01-01')",
           f"UPDATE booking SET tenant_id = 1 WHERE id = {{old}} {RETURNING}", promised="({old}, 'shave')", composite=True),
    Change('INSERT ... ON CONFLICT', CANCELLED,
           "INSERT INTO booking VALUES ({old}, 1, 1, 'CONFIRMED', '2100-01-01') "
           f"ON CONFLICT (id) DO UPDATE SET status = excluded.status {RETURNING}"),
    Change('writable CTE', CANCELLED,
           f"WITH confirmed AS ({CONFIRM}), made AS (INSERT INTO booking SELECT {{new}}, 1, service_id, "
           f"'PENDING', '2100-01-01' FROM confirmed {RETURNING}) TABLE confirmed UNION ALL TABLE made"),
    Change('COPY', '', "COPY booking (id, tenant_id, service_id, status, date) FROM '{file}'; "
           "SELECT id, 1, 'PENDING' FROM generate_series({new}, {new} + 2) AS id",
           setup="COPY (SELECT id, 1, 1, 'PENDING', '2100-01-01' FROM generate_series({new}, {new} + 2) AS id) TO '{file}'"),
    Change('move between partitions', CANCELLED, CONFIRM, parted=True),
    Change('trigger BEFORE', "({old}, 1, 2, 'CANCELLED', '2100-01-01')", NOTE + 'service_id, status',
           application_trigger('confirm', 'BEFORE', "NEW.status = 'CONFIRMED'; NEW.service_id = 1;")),
    Change('trigger AFTER, before ours', CANCELLED, NOTE + "service_id, 'CONFIRMED'",
           application_trigger('AA_confirm', 'AFTER', "UPDATE booking SET status = 'CONFIRMED' WHERE id = NEW.id;")),
    Change('trigger AFTER, after ours', "({old}, 1, 2, 'CANCELLED', '2100-01-01')",
           NOTE + "1, 'CONFIRMED'",
           application_trigger('zz_confirm', 'AFTER',
                               "UPDATE booking SET service_id = 1 WHERE id = NEW.id; "
                               "UPDATE booking SET status = 'CONFIRMED' WHERE id = NEW.id;")),
    Change('reschedule when its time comes', "({old}, 1, 1, 'CONFIRMED', clock_timestamp())",
           f"UPDATE booking SET date = '2100-01-01' WHERE id = {{old}} {RETURNING}", clock=True),
)}

# steps   statements; the rows of the last may be a verdict
# setup   triggers of the application
# retires whether the service is there still, but retired
# parted  whether the services have partitions, by id
# guarded whether there is such a path only with the guard
# books   whether the path itself confirms bookings
# since   the server version that has it
Path = namedtuple('Path', 'name steps setup retires parted guarded books since',
                  defaults=('', False, False, False, False, 0))

HAIRCUT = 'id = 1 AND tenant_id = 1'
BOOKED = 'service_id = 1 AND tenant_id = 1'


def delete_trigger(name, body):
    return f'''
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
            {body}
            RETURN OLD;
        END $$;
        CREATE TRIGGER {name} BEFORE DELETE ON service FOR EACH ROW EXECUTE FUNCTION {name}();
    '''


PATHS = {path.name: path for path in (
    Path('DELETE', (f'DELETE FROM service WHERE {HAIRCUT}',)),
    Path('lock, then DELETE', (f'SELECT FROM service WHERE {HAIRCUT} FOR UPDATE', f'DELETE FROM service WHERE {HAIRCUT}')),
    Path('safe_delete_service()', ('SELECT outcome FROM safe_delete_service(1, 1)',), guarded=True),
    Path('cascade from the tenant', ('DELETE FROM tenant WHERE id = 1',)),
    Path('key change', (f'UPDATE service SET id = 9 WHERE {HAIRCUT}',)),
    Path('keys set to NULL, then DELETE', (f'UPDATE booking SET service_id = NULL WHERE {BOOKED}',
                                           f'DELETE FROM service WHERE {HAIRCUT}')),
    Path('MERGE', ('MERGE INTO service USING (VALUES (1)) AS gone (id) ON service.id = gone.id AND tenant_id = 1 '
                   'WHEN MATCHED THEN DELETE',), since=150000),
    Path('DELETE, a trigger cancels', (f'DELETE FROM service WHERE {HAIRCUT}',), delete_trigger('cancel', '''
            WITH cancelled AS (UPDATE booking SET status = 'CANCELLED' WHERE service_id = OLD.id AND tenant_id = OLD.tenant_id
                AND status IN ('PENDING', 'CONFIRMED') RETURNING id)
            INSERT INTO ledger (booking) SELECT id FROM cancelled;''')),
    Path('DELETE, a trigger re-confirms', (f'DELETE FROM service WHERE {HAIRCUT}',), delete_trigger('zzz_confirm', '''
            WITH confirmed AS (UPDATE booking SET status = 'CONFIRMED' WHERE service_id = OLD.id AND tenant_id = OLD.tenant_id
                AND status = 'CANCELLED' RETURNING id)
            INSERT INTO ledger SELECT id, OLD.name FROM confirmed;'''), books=True),
    Path('writable CTE', (f'WITH gone AS (DELETE FROM service WHERE {HAIRCUT} RETURNING id, name) '
                          'INSERT INTO archive TABLE gone',)),
    Path('move between partitions', (f'UPDATE service SET id = 101 WHERE {HAIRCUT}',), parted=True),
    Path('retire by UPDATE', (f'UPDATE service SET deleted_at = now() WHERE {HAIRCUT}',), retires=True),
    Path('safe_retire_service()', ('SELECT outcome FROM safe_retire_service(1, 1)',), retires=True, guarded=True),
)}

FOREIGN_KEY = 'booking_service_fk'


def foreign_key(actions):
    return f'ALTER TABLE booking ADD CONSTRAINT {FOREIGN_KEY} FOREIGN KEY ({{booking_key}}) ' \
        f'REFERENCES service ({{service_key}}) {actions}'


FOREIGN_KEYS = {
    'none': '',
    'NO ACTION': foreign_key(''),
    'RESTRICT': foreign_key('ON DELETE RESTRICT'),
    'CASCADE': foreign_key('ON DELETE CASCADE ON UPDATE CASCADE'),
    'SET NULL': foreign_key('ON DELETE SET NULL ON UPDATE CASCADE'),
    'deferrable': foreign_key('DEFERRABLE INITIALLY DEFERRED'),
}

# In all of these a claim is a booking that is active and points at something.
# n tells the order in which a booking was changed, since whoever changes it
# holds its row's lock when writing into the ledger; without a service it was cancelled.
SCHEMA = '''
    SET client_min_messages = warning;
    DROP SCHEMA IF EXISTS shop CASCADE;
    CREATE SCHEMA shop;
    CREATE TYPE booking_status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
    CREATE TABLE tenant (id int PRIMARY KEY);
    CREATE TABLE service (id int, tenant_id int REFERENCES tenant ON DELETE CASCADE, name text NOT NULL,
        deleted_at timestamptz, PRIMARY KEY ({service_key})) {services};
    CREATE TABLE booking (id int, tenant_id int, service_id int, status booking_status, date timestamptz,
        note text, PRIMARY KEY ({bookings_key})) {bookings};
    CREATE INDEX ON booking (service_id, date);
    CREATE TABLE ledger (booking int, service text, n serial);
    CREATE TABLE archive (id int, name text);
    CREATE VIEW claim AS SELECT b.id, b.date, s.name, s.deleted_at IS NOT NULL AS retired
        FROM booking b LEFT JOIN service s ON {join} WHERE b.service_id IS NOT NULL AND b.status <> 'CANCELLED';
    CREATE VIEW broken AS
        SELECT booking FROM (SELECT DISTINCT ON (booking) * FROM ledger ORDER BY booking, n DESC) AS promise
         WHERE service IS NOT NULL AND NOT EXISTS
               (SELECT FROM claim WHERE id = booking AND name = service AND NOT retired AND date >= now())
        UNION SELECT id FROM claim WHERE date >= now() AND (name IS NULL OR retired);
'''
PARTED_SERVICES = '''PARTITION BY RANGE (id);
    CREATE TABLE service_1 PARTITION OF service FOR VALUES FROM (0) TO (100);
    CREATE TABLE service_2 PARTITION OF service FOR VALUES FROM (100) TO (200)'''
PARTED_BOOKINGS = '''PARTITION BY LIST (status);
    CREATE TABLE booking_1 PARTITION OF booking FOR VALUES IN ('PENDING', 'CONFIRMED');
    CREATE TABLE booking_2 PARTITION OF booking FOR VALUES IN ('CANCELLED')'''


# What a second booker does to the same booking.
SAME_BOOKING = (
    Change('pay, the same booking', '', f"UPDATE booking SET status = 'PENDING' WHERE id = 1 AND status = 'CONFIRMED' {RETURNING}"),
    Change('reschedule, the same booking', '', f"UPDATE booking SET date = '2101-01-01' WHERE id = 1 {RETURNING}"),
    Change('cancel, the same booking', '', f"UPDATE booking SET status = 'CANCELLED' WHERE id = 1 {RETURNING}"),
)

# What somebody else does meanwhile, to the schema mostly, and who books that knows nothing of it.
# steps   {protect} is what made the guard, {foreign_key} what made the foreign key
# undo    once all rows are gone
# keys    the foreign keys with which that can be done
# errors  that the others may get, since the schema is not what they think
Meanwhile = namedtuple('Meanwhile', 'name change steps undo errors keys', defaults=((), tuple(FOREIGN_KEYS)))

MEANWHILE = (
    # a new version of the service, locked, that is never to be: see src/row_lock.c
    Meanwhile('UPDATE and FOR UPDATE, rolled back', 'insert',
              (f'BEGIN; UPDATE service SET name = name WHERE {HAIRCUT}; SELECT FROM service WHERE {HAIRCUT} FOR UPDATE', 'ROLLBACK'),
              'SELECT'),
    Meanwhile('ALTER TYPE ... RENAME VALUE', 'reschedule ahead',
              ("BEGIN; ALTER TYPE booking_status RENAME VALUE 'CONFIRMED' TO 'BOOKED'", 'COMMIT'),
              "ALTER TYPE booking_status RENAME VALUE 'BOOKED' TO 'CONFIRMED'"),
    Meanwhile('RENAME COLUMN date', 're-confirm', ('BEGIN; ALTER TABLE booking RENAME date TO starts', 'COMMIT'),
              'ALTER TABLE booking RENAME starts TO date'),
    Meanwhile('RENAME COLUMN status', 'set key', ('BEGIN; ALTER TABLE booking RENAME status TO state', 'COMMIT'),
              'ALTER TABLE booking RENAME state TO status', ('42703',)),
    Meanwhile('CREATE INDEX', 're-confirm', ('BEGIN; CREATE INDEX another ON booking (service_id)', 'COMMIT'),
              'DROP INDEX IF EXISTS another'),
    Meanwhile('CREATE INDEX CONCURRENTLY', 're-confirm', ('CREATE INDEX CONCURRENTLY another ON booking (service_id)',),
              'DROP INDEX IF EXISTS another'),
    Meanwhile('protect, or_replace', 're-confirm', ("BEGIN; {protect_room}", 'COMMIT'), '{protect}'),
    Meanwhile('DROP CONSTRAINT, the foreign key', 'insert', (f'BEGIN; ALTER TABLE booking DROP CONSTRAINT {FOREIGN_KEY}', 'COMMIT'),
              '{foreign_key}', keys=('CASCADE', 'SET NULL', 'deferrable')),
    Meanwhile('ADD CONSTRAINT, a foreign key', 'insert', (f'BEGIN; {foreign_key("ON DELETE SET NULL")}', 'COMMIT'),
              f'ALTER TABLE booking DROP CONSTRAINT {FOREIGN_KEY}', keys=('none',)),
)
