--
-- The extension as the other tests find it: in public, without a guard.
--
CREATE EXTENSION booking_guard;

SELECT extname, nspname, extrelocatable
FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace
WHERE extname = 'booking_guard';

SELECT count(*) AS guards FROM booking_guards;
SELECT count(*) AS problems FROM booking_guard_health();
