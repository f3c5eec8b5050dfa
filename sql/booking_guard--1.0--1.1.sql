/* sql/booking_guard--1.0--1.1.sql */

-- complain if script is sourced in psql, rather than via ALTER EXTENSION
\echo Use "ALTER EXTENSION booking_guard UPDATE TO '1.1'" to load this file. \quit

--
-- Options of a guard are new: retire_column, retire_value, mode
--

DROP FUNCTION booking_guard_protect(regclass, regclass, text[], text[], text, text, text[], text[], text, text, text, text, text, boolean, boolean, boolean);

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

--
-- ... and columns of the view.  It is replaced, not dropped, so that what
-- depends on it and who may read it stays.
--

ALTER FUNCTION booking_guard_list() RENAME TO booking_guard_list_1_0;

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

CREATE OR REPLACE VIEW booking_guards AS
	SELECT guard, service_table, booking_table, booking_key, service_key,
		   tenant_column, status_column, blocking_statuses, free_statuses,
		   inactive_column, time_column, time_zone, label, booking_label,
		   keep_attached, definition, retire_column, retire_value, mode
	FROM booking_guard_list();

DROP FUNCTION booking_guard_list_1_0();

--
-- Retiring a service by verdict
--

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

--
-- Health has an argument
--

DROP FUNCTION booking_guard_health();

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
-- Event triggers
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

COMMENT ON EVENT TRIGGER booking_guard_sql_drop IS
'refuses to drop what a guard needs, and removes what guards of a service table shared when the last is gone';

--
-- Each partition of a service table needs a trigger of its own against
-- TRUNCATE
--

DO $$
DECLARE
	partition regclass;
BEGIN
	FOR partition IN
		SELECT DISTINCT tree.relid
		FROM pg_catalog.pg_trigger t,
			 LATERAL pg_catalog.pg_partition_tree(t.tgrelid) tree
		WHERE t.tgfoid OPERATOR(pg_catalog.=) 'booking_guard_service'::regproc
			AND t.tgparentid OPERATOR(pg_catalog.=) 0
			AND tree.parentrelid IS NOT NULL
			AND NOT EXISTS (
				SELECT FROM pg_catalog.pg_trigger p
				WHERE p.tgrelid OPERATOR(pg_catalog.=) tree.relid
					AND p.tgname OPERATOR(pg_catalog.=) 'zz_booking_guard_truncate')
	LOOP
		EXECUTE pg_catalog.format('CREATE TRIGGER zz_booking_guard_truncate'
			' AFTER TRUNCATE ON %s FOR EACH STATEMENT'
			' EXECUTE FUNCTION booking_guard_truncate()', partition);
	END LOOP;
END
$$;
