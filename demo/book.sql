-- One turn of a booker's session: make a booking, re-confirm a cancelled one, or
-- move a missed one ahead, and write into the ledger what the customer was
-- promised, in one transaction. demo/run repeats it until the race is over.
SELECT clock_timestamp() > race.ends AS over, turn.*,
       coalesce(CASE turn.kind
           WHEN 'made' THEN demo.cuid()
           WHEN 're-confirmed' THEN (SELECT min("id") FROM "Booking" WHERE "serviceId" = turn.service AND "status" = 'CANCELED')
           WHEN 'rescheduled' THEN (SELECT min("id") FROM "Booking" WHERE "serviceId" = turn.service AND "status" = 'CONFIRMED'
                                                                     AND "date" < now() AT TIME ZONE 'UTC')
       END, '') AS booking,
       turn.kind = 'made' AS make, turn.kind = 're-confirmed' AS reconfirm
  FROM demo.race,
       (SELECT next.*, (ARRAY['made', 're-confirmed', 'rescheduled'])[1 + floor(random() * 3)::int] AS kind FROM demo.next()) AS turn
\gset
\if :over
\q
\endif

BEGIN;
\if :make
INSERT INTO "Booking" ("id", "tenantId", "customerId", "serviceId", "date", "status", "updatedAt")
    VALUES (:'booking', :'tenant', :'customer', :'service', demo.in_days(7.5), 'CONFIRMED', CURRENT_TIMESTAMP);
\elif :reconfirm
UPDATE "Booking" SET "status" = 'CONFIRMED', "updatedAt" = CURRENT_TIMESTAMP
    WHERE "id" = :'booking' AND "serviceId" IS NOT NULL AND "status" = 'CANCELED';
\else
UPDATE "Booking" SET "date" = demo.in_days(8.5), "updatedAt" = CURRENT_TIMESTAMP
    WHERE "id" = :'booking' AND "serviceId" IS NOT NULL AND "status" = 'CONFIRMED' AND "date" < now() AT TIME ZONE 'UTC';
\endif
INSERT INTO demo.ledger (kind, booking, service) SELECT :'kind', :'booking', :'service' WHERE :ROW_COUNT = 1;
SELECT pg_sleep(0.002); -- the way to the application and back
COMMIT;
