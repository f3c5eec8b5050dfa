-- A shop of few services, its ledger and its guard.
--   psql -v partitioned=0|1 -v foreign_key='ON DELETE ...'|'' -v retiring=0|1 -v guarded=0|1
\if :partitioned
	\set by_tenant 'PARTITION BY HASH (tenant_id)'
	\set by_status 'PARTITION BY LIST (status)'
\else
	\set by_tenant ''
	\set by_status ''
\endif

CREATE TABLE tenant (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY);

-- No id is ever used again, so that what has lost its service shows for ever.
CREATE SEQUENCE service_ids;
CREATE TABLE service (
	tenant_id int NOT NULL REFERENCES tenant ON DELETE CASCADE,
	id int NOT NULL DEFAULT nextval('service_ids'),
	edits int NOT NULL DEFAULT 0,
	retired_at timestamptz,
	PRIMARY KEY (tenant_id, id)
) :by_tenant;

CREATE SEQUENCE booking_ids;
CREATE TABLE booking (
	id int NOT NULL DEFAULT nextval('booking_ids'),
	tenant_id int,
	service_id int,
	status text NOT NULL,
	at timestamptz
) :by_status;
CREATE INDEX ON booking (id);
CREATE INDEX ON booking (tenant_id, service_id, at);

\if :partitioned
	CREATE TABLE service_0 PARTITION OF service FOR VALUES WITH (MODULUS 2, REMAINDER 0);
	CREATE TABLE service_1 PARTITION OF service FOR VALUES WITH (MODULUS 2, REMAINDER 1);
	CREATE TABLE booking_active PARTITION OF booking FOR VALUES IN ('PENDING', 'CONFIRMED');
	CREATE TABLE booking_canceled PARTITION OF booking DEFAULT;
\endif

SELECT :'foreign_key' <> '' AS has_foreign_key \gset
\if :has_foreign_key
	ALTER TABLE booking ADD FOREIGN KEY (tenant_id, service_id) REFERENCES service :foreign_key;
\endif

-- What was promised, written in the bookers' own transactions, and not by what
-- a foreign key does to bookings: that is nobody's wish.
CREATE TABLE ledger (booking_id int PRIMARY KEY, service_id int NOT NULL, at timestamptz);

CREATE FUNCTION write_ledger() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
	DELETE FROM ledger WHERE booking_id = OLD.id;
	IF TG_OP <> 'DELETE' AND NEW.status IN ('PENDING', 'CONFIRMED') AND NEW.service_id IS NOT NULL THEN
		INSERT INTO ledger VALUES (NEW.id, NEW.service_id, NEW.at);
	END IF;
	RETURN NULL;
END $$;

CREATE TRIGGER ledger AFTER INSERT OR UPDATE OR DELETE ON booking
	FOR EACH ROW WHEN (pg_trigger_depth() = 0) EXECUTE FUNCTION write_ledger();

-- The promises that are broken: one statement, one snapshot. The clock is read
-- after the snapshot is taken, so that what anybody's now() had passed is not asked for.
CREATE VIEW broken AS
	SELECT 'a booking has no service' AS what, b.id AS booking_id, b.service_id
	FROM booking b
	WHERE b.status IN ('PENDING', 'CONFIRMED') AND b.service_id IS NOT NULL
		AND (b.at IS NULL OR b.at >= clock_timestamp())
		AND NOT EXISTS (SELECT FROM service s
			WHERE s.tenant_id = b.tenant_id AND s.id = b.service_id AND s.retired_at IS NULL)
	UNION ALL
	SELECT 'a promise of the ledger is gone', l.booking_id, l.service_id
	FROM ledger l
	WHERE (l.at IS NULL OR l.at >= clock_timestamp())
		AND NOT EXISTS (SELECT FROM booking b
			JOIN service s ON s.tenant_id = b.tenant_id AND s.id = b.service_id
			WHERE b.id = l.booking_id AND s.id = l.service_id
				AND b.status IN ('PENDING', 'CONFIRMED') AND s.retired_at IS NULL)
	UNION ALL
	SELECT 'the ledger does not know a booking', b.id, b.service_id
	FROM booking b
	WHERE b.status IN ('PENDING', 'CONFIRMED') AND b.service_id IS NOT NULL
		AND NOT EXISTS (SELECT FROM ledger l WHERE l.booking_id = b.id);

-- Chance, for the jobs, which are no more careless than that: a service that is
-- open, and a booking that has one. So they leave what has lost its service
-- alone, and set nothing right that the checks should find.
CREATE VIEW some_service AS
	SELECT tenant_id, id FROM service WHERE retired_at IS NULL ORDER BY random() LIMIT 1;
CREATE VIEW some_booking AS
	SELECT b.id FROM booking b
	JOIN service s ON s.tenant_id = b.tenant_id AND s.id = b.service_id
	WHERE s.retired_at IS NULL
	ORDER BY random() LIMIT 1;
-- those that nobody has booked, as far as this snapshot knows
CREATE VIEW some_free_service AS
	SELECT tenant_id, id FROM service s
	WHERE retired_at IS NULL AND NOT EXISTS (SELECT FROM booking b
		WHERE b.tenant_id = s.tenant_id AND b.service_id = s.id
			AND b.status IN ('PENDING', 'CONFIRMED') AND (b.at IS NULL OR b.at >= now()))
	ORDER BY random() LIMIT 1;
CREATE FUNCTION some_status() RETURNS text LANGUAGE sql VOLATILE AS
	$$ SELECT (ARRAY['PENDING', 'CONFIRMED', 'CONFIRMED', 'CANCELED'])[1 + floor(random() * 4)] $$;
-- past, never, in a moment, or far ahead
CREATE FUNCTION some_time() RETURNS timestamptz LANGUAGE sql VOLATILE AS $$
	SELECT CASE WHEN dice < 0.25 THEN now() - '1 day'::interval
		WHEN dice < 0.3 THEN NULL
		WHEN dice < 0.55 THEN clock_timestamp() + random() * '300 ms'::interval
		ELSE '2100-01-01' END
	FROM random() AS dice $$;

INSERT INTO tenant SELECT FROM generate_series(1, 4);
INSERT INTO service (tenant_id) SELECT id FROM tenant, generate_series(1, 2);

CREATE EXTENSION booking_guard;
SELECT booking_guard_protect('service', 'booking', ARRAY['tenant_id', 'service_id'], ARRAY['tenant_id', 'id'],
	tenant_column => 'tenant_id', time_column => 'at',
	retire_column => CASE WHEN :'retiring'::boolean THEN 'retired_at' END)
\g /dev/null
\if :guarded
\else
	SELECT format('ALTER DATABASE %I SET booking_guard.enforcement = off', current_database()) \gexec
\endif
