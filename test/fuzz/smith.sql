-- What sqlsmith plays with: guards of several kinds, with rows, and functions
-- of one row around those of the extension that return many, which it would
-- not call. It is no superuser, or it would end the server by its own means.
CREATE ROLE smith LOGIN;
CREATE EXTENSION booking_guard;
GRANT ALL ON SCHEMA public TO smith;
SET ROLE smith;

CREATE TYPE booking_status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');

CREATE TABLE service (id int PRIMARY KEY, name text, archived_at timestamptz);
CREATE TABLE booking (id int PRIMARY KEY, service_id int REFERENCES service ON DELETE SET NULL, status booking_status, date timestamptz);
CREATE INDEX ON booking (service_id, date);
INSERT INTO service SELECT n, 'service ' || n FROM generate_series(1, 100) n;
INSERT INTO booking SELECT n, n % 50 + 1, (ARRAY['PENDING', 'CONFIRMED', 'CANCELLED'])[n % 3 + 1]::booking_status,
	now() + (n % 7 - 3) * interval '1 day' FROM generate_series(1, 300) n;
SELECT booking_guard_protect('service', 'booking', retire_column => 'archived_at');

CREATE TABLE staff (tenant text, id int, name text, PRIMARY KEY (tenant, id));
CREATE TABLE shift (id int, tenant text, staff_id int, state text, during tstzrange, deleted_at timestamptz,
	FOREIGN KEY (tenant, staff_id) REFERENCES staff ON UPDATE CASCADE ON DELETE CASCADE);
INSERT INTO staff SELECT 't' || n % 3, n, 'staff ' || n FROM generate_series(1, 60) n;
INSERT INTO shift SELECT n, tenant, staff.id, (ARRAY['open', 'taken', 'done'])[n % 3 + 1], tstzrange(now() + (n % 7 - 3) * interval '1 hour', NULL)
	FROM generate_series(1, 60) n JOIN staff ON staff.id = n;
SELECT booking_guard_protect('staff', 'shift', tenant_column => 'tenant', status_column => 'state', free_statuses => '{done}',
	inactive_column => 'deleted_at', time_column => 'during', label => 'colleague', booking_label => 'shift');

CREATE TABLE room (id uuid PRIMARY KEY, floor int) PARTITION BY HASH (id);
CREATE TABLE room_0 PARTITION OF room FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE room_1 PARTITION OF room FOR VALUES WITH (MODULUS 2, REMAINDER 1);
CREATE TABLE meeting (id int, room_id uuid, day date, confirmed boolean) PARTITION BY RANGE (id);
CREATE TABLE meeting_0 PARTITION OF meeting FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE meeting_1 PARTITION OF meeting FOR VALUES FROM (50) TO (MAXVALUE);
INSERT INTO room SELECT md5(n::text)::uuid, n % 5 FROM generate_series(1, 30) n;
INSERT INTO meeting SELECT n, md5((n % 20 + 1)::text)::uuid, current_date + n % 7 - 3, n % 2 = 0 FROM generate_series(1, 100) n;
SELECT booking_guard_protect('room', 'meeting', ARRAY['room_id'], status_column => 'confirmed', blocking_statuses => '{true}',
	time_column => 'day', time_zone => 'Europe/Berlin', label => 'room', booking_label => 'meeting', mode => 'warn');

CREATE VIEW guards AS SELECT * FROM booking_guards;
CREATE VIEW health AS SELECT * FROM booking_guard_health();
CREATE FUNCTION delete_service(int) RETURNS text AS 'SELECT outcome FROM safe_delete_service($1, service_table => ''service'')' LANGUAGE sql;
CREATE FUNCTION delete_text(text, regclass) RETURNS text AS 'SELECT message FROM safe_delete_service($1, service_table => $2)' LANGUAGE sql;
CREATE FUNCTION delete_room(uuid) RETURNS int AS 'SELECT upcoming_bookings FROM safe_delete_service($1, service_table => ''room'')' LANGUAGE sql;
CREATE FUNCTION delete_staff(int, text) RETURNS text AS 'SELECT outcome FROM safe_delete_service($1, $2, ''staff'')' LANGUAGE sql;
CREATE FUNCTION delete_anything(anyelement, regclass) RETURNS text AS 'SELECT outcome FROM safe_delete_service($1, service_table => $2)' LANGUAGE sql;
CREATE FUNCTION retire_service(int) RETURNS timestamptz AS 'SELECT next_booking FROM safe_retire_service($1, service_table => ''service'')' LANGUAGE sql;
CREATE FUNCTION blocking(int) RETURNS text AS 'SELECT booking_id FROM booking_guard_blocking_bookings($1, service_table => ''service'')' LANGUAGE sql;
CREATE FUNCTION blocking_of(anyelement, text, regclass) RETURNS text AS 'SELECT booking_table FROM booking_guard_blocking_bookings($1, $2, $3)' LANGUAGE sql;
CREATE FUNCTION protect_again(text, text) RETURNS text AS 'SELECT booking_guard_protect(''service'', ''booking'', label => $1, time_zone => $2, or_replace => true)' LANGUAGE sql;
