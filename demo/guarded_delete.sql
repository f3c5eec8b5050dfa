-- The same with booking_guard: just delete.
SELECT clock_timestamp() > race.ends AS over, next.* FROM demo.race, demo.next() \gset
\if :over
\q
\endif

DELETE FROM "Service" WHERE "id" = :'service' AND "tenantId" = :'tenant';
\if :ERROR
\echo refused :SQLSTATE
\endif
SELECT pg_sleep(0.002); -- the way to the application and back
