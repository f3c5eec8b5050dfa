/* sql/booking_guard--1.1.sql */

-- complain if script is sourced in psql, rather than via CREATE EXTENSION
\echo Use "CREATE EXTENSION booking_guard" to load this file. \quit

--
-- Making and removing guards
--

CREATE FUNCTION booking_guard_protect(
	service_table regclass,
	booking_table regclass,
	booking_key text[] DEFAULT NULL,
	service_key text[] DEFAULT NULL,
	tenant_column text DEFAULT NULL,
	status_column text DEFAULT 'status',
	blocking_statuses text[] DEFAULT NULL,
	free_statuses text[] DEFAULT NULL,
	inactive_column text DEFAULT NULL,
	time_column text DEFAULT 'date',
	time_zone text DEFAULT 'UTC',
	label text DEFAULT 'service',
	booking_label text DEFAULT 'booking',
	keep_attached boolean DEFAULT true,
	validate boolean DEFAULT true,
	or_replace boolean DEFAULT false,
	retire_column text DEFAULT NULL,
	retire_value text DEFAULT NULL,
	mode text DEFAULT 'enforce')
RETURNS text
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION booking_guard_protect(regclass, regclass, text[], text[], text, text, text[], text[], text, text, text, text, text, boolean, boolean, boolean, text, text, text) IS
'make a guard: services of one table cannot be deleted while upcoming, active bookings of another need them; returns its name';

CREATE FUNCTION booking_guard_unprotect(
	service_table regclass,
	booking_table regclass,
	booking_key text[] DEFAULT NULL)
RETURNS boolean
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION booking_guard_unprotect(regclass, regclass, text[]) IS
'remove a guard; false if there is none';

--
-- Deleting or retiring a service by verdict, and what is in the way
--
-- An id may be of any type.  The first variant of each takes untyped literals
-- and parameters, the second everything that has a type, and the third an
-- untyped id with a typed tenant.
--

CREATE FUNCTION safe_delete_service(
	service_id text,
	tenant_id text DEFAULT NULL,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_delete_service'
LANGUAGE C VOLATILE ROWS 1;

CREATE FUNCTION safe_delete_service(
	service_id anyelement,
	tenant_id anycompatible DEFAULT NULL::text,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_delete_service'
LANGUAGE C VOLATILE ROWS 1;

CREATE FUNCTION safe_delete_service(
	service_id text,
	tenant_id anycompatible,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_delete_service'
LANGUAGE C VOLATILE ROWS 1;

COMMENT ON FUNCTION safe_delete_service(text, text, regclass) IS
'delete a service unless upcoming bookings need it; answers deleted, blocked or not_found';
COMMENT ON FUNCTION safe_delete_service(anyelement, anycompatible, regclass) IS
'delete a service unless upcoming bookings need it; answers deleted, blocked or not_found';
COMMENT ON FUNCTION safe_delete_service(text, anycompatible, regclass) IS
'delete a service unless upcoming bookings need it; answers deleted, blocked or not_found';

CREATE FUNCTION safe_retire_service(
	service_id text,
	tenant_id text DEFAULT NULL,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_retire_service'
LANGUAGE C VOLATILE ROWS 1;

CREATE FUNCTION safe_retire_service(
	service_id anyelement,
	tenant_id anycompatible DEFAULT NULL::text,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_retire_service'
LANGUAGE C VOLATILE ROWS 1;

CREATE FUNCTION safe_retire_service(
	service_id text,
	tenant_id anycompatible,
	service_table regclass DEFAULT NULL,
	OUT outcome text,
	OUT upcoming_bookings integer,
	OUT next_booking timestamptz,
	OUT message text)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'safe_retire_service'
LANGUAGE C VOLATILE ROWS 1;

COMMENT ON FUNCTION safe_retire_service(text, text, regclass) IS
'retire a service unless upcoming bookings need it; answers retired, blocked or not_found';
COMMENT ON FUNCTION safe_retire_service(anyelement, anycompatible, regclass) IS
'retire a service unless upcoming bookings need it; answers retired, blocked or not_found';
COMMENT ON FUNCTION safe_retire_service(text, anycompatible, regclass) IS
'retire a service unless upcoming bookings need it; answers retired, blocked or not_found';

CREATE FUNCTION booking_guard_blocking_bookings(
	service_id text,
	tenant_id text DEFAULT NULL,
	service_table regclass DEFAULT NULL,
	OUT booking_table text,
	OUT booking_id text,
	OUT status text,
	OUT booking_time timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'booking_guard_blocking_bookings'
LANGUAGE C VOLATILE;

CREATE FUNCTION booking_guard_blocking_bookings(
	service_id anyelement,
	tenant_id anycompatible DEFAULT NULL::text,
	service_table regclass DEFAULT NULL,
	OUT booking_table text,
	OUT booking_id text,
	OUT status text,
	OUT booking_time timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'booking_guard_blocking_bookings'
LANGUAGE C VOLATILE;

CREATE FUNCTION booking_guard_blocking_bookings(
	service_id text,
	tenant_id anycompatible,
	service_table regclass DEFAULT NULL,
	OUT booking_table text,
	OUT booking_id text,
	OUT status text,
	OUT booking_time timestamptz)
RETURNS SETOF record
AS 'MODULE_PATHNAME', 'booking_guard_blocking_bookings'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION booking_guard_blocking_bookings(text, text, regclass) IS
'the upcoming bookings that keep a service from being deleted, soonest first, as far as the caller may read them';
COMMENT ON FUNCTION booking_guard_blocking_bookings(anyelement, anycompatible, regclass) IS
'the upcoming bookings that keep a service from being deleted, soonest first, as far as the caller may read them';
COMMENT ON FUNCTION booking_guard_blocking_bookings(text, anycompatible, regclass) IS
'the upcoming bookings that keep a service from being deleted, soonest first, as far as the caller may read them';

--
-- What guards there are, and how they are
--

CREATE FUNCTION booking_guard_list(
	OUT guard text,
	OUT service_table text,
	OUT booking_table text,
	OUT booking_key text[],
	OUT service_key text[],
	OUT tenant_column text,
	OUT status_column text,
	OUT blocking_statuses text[],
	OUT free_statuses text[],
	OUT inactive_column text,
	OUT time_column text,
	OUT time_zone text,
	OUT label text,
	OUT booking_label text,
	OUT keep_attached boolean,
	OUT definition text,
	OUT retire_column text,
	OUT retire_value text,
	OUT mode text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION booking_guard_list() IS
'the rows of the view booking_guards';

CREATE VIEW booking_guards AS
	SELECT guard, service_table, booking_table, booking_key, service_key,
		   tenant_column, status_column, blocking_statuses, free_statuses,
		   inactive_column, time_column, time_zone, label, booking_label,
		   keep_attached, definition, retire_column, retire_value, mode
	FROM booking_guard_list();

COMMENT ON VIEW booking_guards IS
'the guards of this database, with their options and the call that makes each';

GRANT SELECT ON booking_guards TO PUBLIC;

CREATE FUNCTION booking_guard_health(
	scan boolean DEFAULT true,
	OUT guard text,
	OUT severity text,
	OUT problem text,
	OUT fix text)
RETURNS SETOF record
AS 'MODULE_PATHNAME'
LANGUAGE C VOLATILE;

COMMENT ON FUNCTION booking_guard_health(boolean) IS
'what weakens a guard now, and what to do; no rows if all is well; with scan => false the bookings themselves are not read';

--
-- Triggers.  A restore creates triggers before it grants, so that everybody
-- may execute these; each refuses to be called in any other way.
--

CREATE FUNCTION booking_guard_before_delete()
RETURNS trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_before_delete() IS
'guard trigger BEFORE DELETE FOR EACH ROW on a service table';

CREATE FUNCTION booking_guard_service()
RETURNS trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_service() IS
'guard constraint trigger AFTER DELETE OR UPDATE FOR EACH ROW on a service table FROM its booking table';

CREATE FUNCTION booking_guard_truncate()
RETURNS trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_truncate() IS
'guard trigger AFTER TRUNCATE FOR EACH STATEMENT on a service table';

CREATE FUNCTION booking_guard_booking()
RETURNS trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_booking() IS
'guard constraint trigger AFTER INSERT OR UPDATE FOR EACH ROW on a booking table FROM its service table';

--
-- Event triggers: what the server does not see to when a schema changes
--

CREATE FUNCTION booking_guard_ddl_start()
RETURNS event_trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_ddl_start() IS
'event trigger ON ddl_command_start: refuses to detach a partition concurrently while upcoming bookings need its services';

CREATE FUNCTION booking_guard_ddl_end()
RETURNS event_trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_ddl_end() IS
'event trigger ON ddl_command_end: guards follow renames, and are validated after what may break their promise';

CREATE FUNCTION booking_guard_sql_drop()
RETURNS event_trigger
AS 'MODULE_PATHNAME'
LANGUAGE C;

COMMENT ON FUNCTION booking_guard_sql_drop() IS
'event trigger ON sql_drop: refuses to drop what a guard needs, and removes what guards of a service table shared when the last is gone';

CREATE EVENT TRIGGER booking_guard_ddl_start ON ddl_command_start
	WHEN TAG IN ('ALTER TABLE')
	EXECUTE FUNCTION booking_guard_ddl_start();

COMMENT ON EVENT TRIGGER booking_guard_ddl_start IS
'refuses to detach a partition concurrently while upcoming bookings need its services';

CREATE EVENT TRIGGER booking_guard_ddl_end ON ddl_command_end
	WHEN TAG IN ('ALTER TABLE', 'ALTER FOREIGN TABLE', 'ALTER VIEW', 'ALTER MATERIALIZED VIEW', 'ALTER TYPE', 'CREATE TABLE', 'CREATE FOREIGN TABLE', 'CREATE SCHEMA')
	EXECUTE FUNCTION booking_guard_ddl_end();

COMMENT ON EVENT TRIGGER booking_guard_ddl_end IS
'guards follow renames, and are validated after what may break their promise';

CREATE EVENT TRIGGER booking_guard_sql_drop ON sql_drop
	EXECUTE FUNCTION booking_guard_sql_drop();

COMMENT ON EVENT TRIGGER booking_guard_sql_drop IS
'refuses to drop what a guard needs, and removes what guards of a service table shared when the last is gone';
