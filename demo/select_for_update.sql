-- The same, all in one transaction that locks the service first.
SELECT clock_timestamp() > race.ends AS over, next.* FROM demo.race, demo.next() \gset
\if :over
\q
\endif

BEGIN;
SELECT "id" FROM "Service" WHERE "id" = :'service' AND "tenantId" = :'tenant' FOR UPDATE;
SELECT count(*) = 0 AS free FROM "Booking"
 WHERE "serviceId" = :'service' AND "date" >= now() AT TIME ZONE 'UTC'
   AND "status" NOT IN ('CANCELED', 'REFUNDED', 'FULFILLED') \gset
SELECT pg_sleep(0.002); -- the way to the application and back
\if :free
DELETE FROM "Service" WHERE "id" = :'service' AND "tenantId" = :'tenant';
\else
\echo refused
\endif
COMMIT;
