--
-- Which status blocks: compared as the column's own type compares.
--
CREATE SCHEMA statuses;
SET search_path = statuses, public;

CREATE TABLE service (id integer PRIMARY KEY);

-- A booking's id says what its status is.
CREATE FUNCTION blocking(OUT booking text) RETURNS SETOF text LANGUAGE sql
	AS 'SELECT booking_id FROM booking_guard_blocking_bookings(1) ORDER BY booking_id COLLATE "C"';

-- Makes a booking of service 1 for each of the statuses.
CREATE PROCEDURE fill(VARIADIC statuses text[]) LANGUAGE plpgsql AS $$
BEGIN
	INSERT INTO service VALUES (1) ON CONFLICT DO NOTHING;
	FOR i IN 1 .. cardinality(statuses) LOOP
		EXECUTE format('INSERT INTO booking VALUES (%L, 1, %L)', coalesce(statuses[i], 'null'), statuses[i]);
	END LOOP;
END $$;


--
-- enum
--
CREATE TYPE booking_status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED', 'COMPLETED', 'NO_SHOW');
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status booking_status,
	date timestamptz DEFAULT '2100-01-01 10:00+00', cancelled_at timestamptz);
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'CONFIRMED', 'CANCELLED', 'COMPLETED', 'NO_SHOW', NULL);
SELECT * FROM blocking();
DELETE FROM service;

-- others are active
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{NO_SHOW}', or_replace => true);
SELECT * FROM blocking();
-- all but these are; without a status none is
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CANCELLED,NO_SHOW}', or_replace => true);
SELECT * FROM blocking();
-- a label that is new blocks or not, as the list has it
ALTER TYPE booking_status ADD VALUE 'WAITING';
INSERT INTO booking VALUES ('WAITING', 1, 'WAITING');
SELECT * FROM blocking();

-- nor does one without a status need its service
BEGIN;
INSERT INTO booking VALUES ('nowhere', 99, NULL) RETURNING id;
INSERT INTO booking VALUES ('nowhere too', 99, 'PENDING');
ROLLBACK;

-- a column that says that it is off
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], inactive_column => 'cancelled_at', or_replace => true);
SELECT * FROM blocking();
UPDATE booking SET cancelled_at = now() WHERE id = 'PENDING';
SELECT * FROM blocking();
-- alone, without a status
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL, inactive_column => 'cancelled_at', or_replace => true);
SELECT * FROM blocking();
DELETE FROM service;
-- to put it on again needs the service
BEGIN;
UPDATE booking SET cancelled_at = now();
DELETE FROM service;
SAVEPOINT gone;
UPDATE booking SET cancelled_at = NULL WHERE id = 'PENDING';
ROLLBACK TO gone;
UPDATE booking SET status = 'CONFIRMED' WHERE id = 'PENDING';
ROLLBACK;

-- neither: every booking is active
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => NULL, or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;


--
-- text: as it is written
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status text, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'CONFIRMED', 'confirmed', 'Confirmed', 'CONFIRMED ', '', NULL);
SELECT * FROM blocking();
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{confirmed,Confirmed}', or_replace => true);
SELECT * FROM blocking();
DELETE FROM service;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{confirmed}', or_replace => true);
SELECT * FROM blocking();
-- whatever a label may have in it
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'],
	blocking_statuses => ARRAY['it''s on', 'a "b"', '{c,d}', 'back\slash', 'a=b', 'two words', 'NULL', 'ä'], or_replace => true);
CALL fill('it''s on', 'a "b"', '{c,d}', 'back\slash', 'a=b', 'two words', 'NULL', 'ä', 'A=B');
SELECT * FROM blocking();
DELETE FROM service;
DROP TABLE booking;


--
-- varchar(n) and char(n): trailing blanks do not count in char(n)
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status varchar(9), date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'CONFIRMED', 'PENDING ', 'CANCELLED', NULL);
SELECT * FROM blocking();
-- a label that is longer than any status can be matches none
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{CONFIRMED_BY_PHONE,PENDING}', or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;

CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status char(10), date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'CONFIRMED', 'CONFIRMED ', 'CANCELLED', NULL);
SELECT * FROM blocking();
DELETE FROM service;
-- nothing but blanks is a status as well
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CANCELLED}', or_replace => true);
CALL fill('');
SELECT booking_id, status, status = '' AS blank FROM booking_guard_blocking_bookings(1) ORDER BY booking_id COLLATE "C";
DROP TABLE booking;

CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status char(1), date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{P,C}');
CALL fill('P', 'C', 'X', 'p', NULL);
SELECT * FROM blocking();
DROP TABLE booking;


--
-- integer, smallint, boolean
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status integer, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{1,02}');
CALL fill('0', '1', '2', '-1', NULL);
SELECT * FROM blocking();
DELETE FROM service;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{0}', or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;

CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status boolean, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], blocking_statuses => '{true}');
CALL fill('true', 'false', NULL);
SELECT * FROM blocking();
DELETE FROM service;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{t}', or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;


--
-- Domains: as their base types
--
CREATE DOMAIN state AS text CHECK (VALUE IN ('PENDING', 'CONFIRMED', 'CANCELLED'));
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status state, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'CONFIRMED', 'CANCELLED', NULL);
SELECT * FROM blocking();
DELETE FROM service;
DROP TABLE booking;

CREATE DOMAIN enum_state AS booking_status;
CREATE DOMAIN required_state AS enum_state NOT NULL;
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status required_state, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CANCELLED}');
CALL fill('PENDING', 'NO_SHOW', 'CANCELLED');
SELECT * FROM blocking();
DELETE FROM service;
DROP TABLE booking;


--
-- Where upper and lower case are equal
--
CREATE COLLATION any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status text COLLATE any_case, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'Confirmed', 'confirmed', 'cancelled', NULL);
SELECT * FROM blocking();
-- counted together
DELETE FROM service;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CANCELLED}', or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;

SET client_min_messages = warning;
CREATE EXTENSION IF NOT EXISTS citext SCHEMA public;
RESET client_min_messages;
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, status citext, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
CALL fill('PENDING', 'Confirmed', 'confirmed', 'cancelled', NULL);
SELECT * FROM blocking();
DELETE FROM service;
-- also where citext is out of sight
SET search_path = statuses;
DELETE FROM service;
INSERT INTO booking VALUES ('none', 2, 'pending');
SELECT booking_id FROM public.booking_guard_blocking_bookings(1);
SET search_path = statuses, public;
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], free_statuses => '{CANCELLED}', or_replace => true);
SELECT * FROM blocking();
DROP TABLE booking;


--
-- Another column, and a guard that follows it when its type changes
--
CREATE TABLE booking (id text PRIMARY KEY, service_id integer, "State" text, date timestamptz DEFAULT '2100-01-01 10:00+00');
CREATE INDEX ON booking (service_id);
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => 'State', blocking_statuses => '{PENDING}');
CALL fill('PENDING', 'CANCELLED');
SELECT * FROM blocking();
DELETE FROM service;
ALTER TABLE booking ALTER "State" TYPE booking_status USING "State"::booking_status;
SELECT * FROM blocking();
DELETE FROM service;
ALTER TABLE booking ALTER "State" TYPE varchar(20);
SELECT * FROM blocking();
DELETE FROM service;

-- many statuses: the detail names eight of them and counts the rest
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], status_column => 'State', free_statuses => '{CANCELLED}', or_replace => true);
DELETE FROM booking;
INSERT INTO booking SELECT format('%s-%s', s, n), 1, 'S' || s FROM generate_series(1, 9) s, generate_series(1, s) n;
DELETE FROM service;

SET client_min_messages = warning;
DROP SCHEMA statuses CASCADE;
DROP EXTENSION citext;
