-- A booking platform for many tenants, as Prisma's migrations would write it,
-- with some thousands of rows that are the same on every run (but for today's date).
-- Nothing here knows of booking_guard.
\set ON_ERROR_STOP on
BEGIN;

CREATE TYPE "BookingStatus" AS ENUM ('PENDING', 'DEPOSIT_PAID', 'PAID', 'CONFIRMED', 'CANCELED', 'REFUNDED', 'FULFILLED');

CREATE TABLE "Tenant" (
    "id" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Tenant_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "Customer" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "email" TEXT NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,

    CONSTRAINT "Customer_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "Service" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "name" TEXT NOT NULL,
    "durationMinutes" INTEGER NOT NULL,
    "price" DECIMAL(10,2) NOT NULL,
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Service_pkey" PRIMARY KEY ("id")
);

CREATE TABLE "Booking" (
    "id" TEXT NOT NULL,
    "tenantId" TEXT NOT NULL,
    "customerId" TEXT NOT NULL,
    "serviceId" TEXT,
    "date" TIMESTAMP(3) NOT NULL,
    "status" "BookingStatus" NOT NULL DEFAULT 'PENDING',
    "createdAt" TIMESTAMP(3) NOT NULL DEFAULT CURRENT_TIMESTAMP,
    "updatedAt" TIMESTAMP(3) NOT NULL,

    CONSTRAINT "Booking_pkey" PRIMARY KEY ("id")
);

CREATE UNIQUE INDEX "Customer_tenantId_email_key" ON "Customer"("tenantId", "email");
CREATE INDEX "Service_tenantId_idx" ON "Service"("tenantId");
CREATE INDEX "Booking_tenantId_date_idx" ON "Booking"("tenantId", "date");
CREATE INDEX "Booking_serviceId_idx" ON "Booking"("serviceId");

ALTER TABLE "Customer" ADD CONSTRAINT "Customer_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Service" ADD CONSTRAINT "Service_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Booking" ADD CONSTRAINT "Booking_tenantId_fkey" FOREIGN KEY ("tenantId") REFERENCES "Tenant"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Booking" ADD CONSTRAINT "Booking_customerId_fkey" FOREIGN KEY ("customerId") REFERENCES "Customer"("id") ON DELETE RESTRICT ON UPDATE CASCADE;
ALTER TABLE "Booking" ADD CONSTRAINT "Booking_serviceId_fkey" FOREIGN KEY ("serviceId") REFERENCES "Service"("id") ON DELETE SET NULL ON UPDATE CASCADE;

--
-- Rows. Ids look like those of cuid(), which Prisma makes in the client.
--
CREATE SCHEMA demo;

CREATE FUNCTION demo.cuid() RETURNS text LANGUAGE sql VOLATILE AS $$
    SELECT 'c' || string_agg(substr('abcdefghijklmnopqrstuvwxyz0123456789', 1 + floor(random() * 36)::int, 1), '')
      FROM generate_series(1, 24)
$$;

-- Prisma keeps times in UTC.
CREATE FUNCTION demo.in_days(days double precision) RETURNS timestamp(3) LANGUAGE sql STABLE AS $$
    SELECT date_trunc('day', now() AT TIME ZONE 'UTC') + make_interval(hours => floor(days * 24)::int)
$$;

SELECT setseed(0.2025) \g /dev/null

CREATE TABLE demo.tenant_seed AS
    SELECT n, demo.cuid() AS id,
           (ARRAY['Salon', 'Studio', 'Clinic', 'Barber', 'Spa'])[1 + n % 5] || ' ' ||
           (ARRAY['Nord', 'Sole', 'Aurora', 'Linden', 'Harbour', 'Mistral', 'Olive', 'Vega'])[1 + n / 5] AS name
      FROM generate_series(0, 39) AS n;

INSERT INTO "Tenant" ("id", "name") SELECT id, name FROM demo.tenant_seed ORDER BY n;

INSERT INTO "Customer" ("id", "tenantId", "name", "email")
    SELECT demo.cuid(), t.id, 'Customer ' || c, 'customer' || c || '@tenant' || t.n || '.example'
      FROM demo.tenant_seed t, generate_series(1, 25) AS c ORDER BY t.n, c;

INSERT INTO "Service" ("id", "tenantId", "name", "durationMinutes", "price", "updatedAt")
    SELECT demo.cuid(), t.id,
           (ARRAY['Haircut', 'Colour', 'Shave', 'Massage', 'Facial', 'Manicure'])[1 + s % 6] || ' ' || s,
           15 * (1 + s % 6), 20 + s % 80, CURRENT_TIMESTAMP
      FROM demo.tenant_seed t, generate_series(1, 60) AS s ORDER BY t.n, s;

-- The order in which the race comes to the services, as if it were their numbers.
CREATE TABLE demo.route AS
    SELECT row_number() OVER (ORDER BY random()) AS n, s."id" AS service, s."tenantId" AS tenant,
           (SELECT min(c."id") FROM "Customer" c WHERE c."tenantId" = s."tenantId") AS customer
      FROM (SELECT * FROM "Service" ORDER BY "id") s;
ALTER TABLE demo.route ALTER n TYPE integer, ADD PRIMARY KEY (n);

-- Every service has a booking that was cancelled, one that the customer missed, and
-- one that took place; every fifth has an upcoming one too, and may not be deleted.
INSERT INTO "Booking" ("id", "tenantId", "customerId", "serviceId", "date", "status", "updatedAt")
    SELECT demo.cuid(), r.tenant, r.customer, r.service, demo.in_days(b.days + 20 * random()), b.status, CURRENT_TIMESTAMP
      FROM demo.route r,
           (VALUES (3, 'CANCELED'::"BookingStatus"), (-25, 'CONFIRMED'), (-40, 'FULFILLED'), (5, 'PAID')) AS b(days, status)
     WHERE b.status <> 'PAID' OR r.n % 5 = 0
     ORDER BY r.n, b.status;

-- One tenant for the second part of the demo; the race leaves it alone.
INSERT INTO "Tenant" ("id", "name") VALUES
    ('clk1tenant0000008l4rosewood', 'Rosewood Salon'), ('clk1tenant0000108l4seabreeze', 'Sea Breeze Spa');
INSERT INTO "Customer" ("id", "tenantId", "name", "email") VALUES
    ('clk2customer00008l4d2qh5f9', 'clk1tenant0000008l4rosewood', 'Ada', 'ada@rosewood.example');
INSERT INTO "Service" ("id", "tenantId", "name", "durationMinutes", "price", "updatedAt") VALUES
    ('clk3haircut000008l4d2qh5f9', 'clk1tenant0000008l4rosewood', 'Haircut', 45, 38, CURRENT_TIMESTAMP),
    ('clk3shave00000008l4d2qh5f9', 'clk1tenant0000008l4rosewood', 'Shave', 20, 18, CURRENT_TIMESTAMP),
    ('clk3massage000008l4d2qh5f9', 'clk1tenant0000108l4seabreeze', 'Massage', 60, 75, CURRENT_TIMESTAMP);
INSERT INTO "Booking" ("id", "tenantId", "customerId", "serviceId", "date", "status", "updatedAt")
    SELECT 'clk4booking' || row_number() OVER () || '00008l4d2qh5f9', 'clk1tenant0000008l4rosewood', 'clk2customer00008l4d2qh5f9',
           b.service, demo.in_days(b.days + 0.4167), b.status::"BookingStatus", CURRENT_TIMESTAMP
      FROM (VALUES ('clk3haircut000008l4d2qh5f9', 7, 'CONFIRMED'), ('clk3haircut000008l4d2qh5f9', 9, 'CONFIRMED'),
                   ('clk3haircut000008l4d2qh5f9', 8, 'PENDING'), ('clk3haircut000008l4d2qh5f9', 6, 'CANCELED'),
                   ('clk3shave00000008l4d2qh5f9', 8, 'CANCELED'), ('clk3shave00000008l4d2qh5f9', -30, 'FULFILLED')) AS b(service, days, status);

--
-- The race's own: when it runs, and what the bookers were promised.
--
CREATE TABLE demo.race (started timestamptz, ends timestamptz, pace double precision); -- services per second

CREATE TABLE demo.ledger (
    n bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    kind text NOT NULL, -- made, re-confirmed or rescheduled
    booking text NOT NULL,
    service text NOT NULL
);

-- At each moment all sessions are busy with the same few services; over the race they pass all of them.
CREATE FUNCTION demo.next() RETURNS demo.route LANGUAGE sql VOLATILE AS $$
    WITH here AS MATERIALIZED (
        SELECT floor(extract(epoch FROM clock_timestamp() - started) * pace + random() * 16)::int AS n FROM demo.race
    )
    SELECT r FROM here JOIN demo.route r ON r.n = least(greatest(here.n, 1), 2400)
$$;

-- Promised and not taken back, still to come, and its service is gone.
CREATE VIEW demo.lost AS
    SELECT l.kind, l.service AS "serviceWas", b.*
      FROM (SELECT DISTINCT ON (booking) * FROM demo.ledger ORDER BY booking, n DESC) l
      JOIN "Booking" b ON b."id" = l.booking
     WHERE b."status" NOT IN ('CANCELED', 'REFUNDED', 'FULFILLED')
       AND b."date" >= now() AT TIME ZONE 'UTC'
       AND NOT EXISTS (SELECT FROM "Service" s WHERE s."id" = b."serviceId");

COMMIT;
ANALYZE;
