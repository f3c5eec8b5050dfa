"""Ways to keep the promise: the guard, and what is usually done instead."""
from collections import namedtuple

from interleave import Refusal, Step
from scenarios import BOOKED, HAIRCUT

# setup   SQL; {service_key} and {booking_key} are the columns, {match} joins a service s and NEW
# before  what the application does before it deletes, in the same transaction
Way = namedtuple('Way', 'name title setup before', defaults=('', ()))

COUNT = "SELECT count(*) FROM booking WHERE {} AND status IN ('PENDING', 'CONFIRMED') AND date >= now()"


def refuse_if_booked(rows):
    return Refusal('count', None, 'the application counted bookings') if rows[0][0] else None


GUARD = '''
    SELECT booking_guard_protect('service', 'booking', string_to_array('{booking_key}', ', '),
        string_to_array('{service_key}', ', '), 'tenant_id', retire_column => {retire_column}, or_replace => true, label => 'service')
'''

SERVICE_TRIGGER = f'''
    CREATE FUNCTION keep_booked_service() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF TG_OP = 'DELETE' OR NEW.id <> OLD.id OR NEW.deleted_at IS NOT NULL THEN
            IF ({COUNT.format('service_id = OLD.id AND tenant_id = OLD.tenant_id')}) > 0 THEN
                RAISE 'Cannot delete a booked service' USING ERRCODE = '23503';
            END IF;
        END IF;
        IF TG_OP = 'DELETE' THEN RETURN OLD; END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER keep_booked_service BEFORE DELETE OR UPDATE ON service
        FOR EACH ROW EXECUTE FUNCTION keep_booked_service();
'''

BOOKING_TRIGGER = '''
    CREATE FUNCTION keep_service() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
        IF NEW.service_id IS NOT NULL AND NEW.status IN ('PENDING', 'CONFIRMED') AND NEW.date >= now() THEN
            PERFORM FROM service s WHERE {match} AND deleted_at IS NULL FOR SHARE;
            IF NOT FOUND THEN
                RAISE 'There is no such service' USING ERRCODE = '23503';
            END IF;
        END IF;
        RETURN NEW;
    END $$;
    CREATE TRIGGER keep_service BEFORE INSERT OR UPDATE ON booking
        FOR EACH ROW EXECUTE FUNCTION keep_service();
'''

WAYS = {way.name: way for way in (
    Way('none', 'nothing'),
    Way('lock', 'the application: `SELECT … FOR UPDATE`, count, delete in one transaction', before=(
        Step(f'SELECT FROM service WHERE {HAIRCUT} FOR UPDATE'), Step(COUNT.format(BOOKED), refuse_if_booked))),
    Way('trigger', 'a PL/pgSQL trigger on services that counts', SERVICE_TRIGGER),
    Way('triggers', 'the same, and one on bookings that locks the service', SERVICE_TRIGGER + BOOKING_TRIGGER),
    Way('guard', 'booking_guard', GUARD),
)}
