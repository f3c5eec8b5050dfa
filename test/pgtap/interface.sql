-- What the extension consists of: names, arguments, defaults, types and rights,
-- which applications and their migrations rely on.
BEGIN;
SELECT plan(53);

CREATE ROLE booking_guard_nobody;

-- The members of the extension
CREATE TEMPORARY VIEW member AS
SELECT d.classid, d.objid, pg_describe_object(d.classid, d.objid, 0) AS description
FROM pg_depend d JOIN pg_extension e ON d.refclassid = 'pg_extension'::regclass AND d.refobjid = e.oid
WHERE e.extname = 'booking_guard' AND d.deptype = 'e';
CREATE TEMPORARY VIEW member_function AS
SELECT p.* FROM pg_proc p JOIN member m ON m.classid = 'pg_proc'::regclass AND m.objid = p.oid;

--
-- The extension
--
SELECT has_extension('booking_guard');
SELECT is(extversion, '1.1', 'version') FROM pg_extension WHERE extname = 'booking_guard';
SELECT ok(extrelocatable, 'may be moved to another schema') FROM pg_extension WHERE extname = 'booking_guard';
SELECT is_empty(
	'SELECT relname FROM pg_class JOIN member ON classid = ''pg_class''::regclass AND objid = oid WHERE relkind <> ''v''',
	'has no tables: they would be drift in an application''s schema');
SELECT is_empty(
	'SELECT description FROM member WHERE obj_description(objid, classid::regclass::name) IS NULL
		AND classid IN (''pg_proc''::regclass, ''pg_class''::regclass, ''pg_event_trigger''::regclass)',
	'every function, view and event trigger has a comment');

--
-- The functions
--
SELECT set_eq(
	'SELECT proname::text, count(*) FROM member_function WHERE prorettype NOT IN (''trigger''::regtype, ''event_trigger''::regtype) GROUP BY 1',
	$$VALUES ('booking_guard_protect', 1::bigint), ('booking_guard_unprotect', 1), ('safe_delete_service', 3), ('safe_retire_service', 3),
		('booking_guard_blocking_bookings', 3), ('booking_guard_list', 1), ('booking_guard_health', 1)$$,
	'no other functions than these, in as few variants as it takes');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE prolang <> (SELECT oid FROM pg_language WHERE lanname = ''c'')',
	'all are in C');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE prosecdef', 'none is SECURITY DEFINER');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE provolatile <> ''v''', 'all are VOLATILE');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE proparallel <> ''u''', 'none runs in parallel workers');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE proisstrict', 'none is STRICT: a NULL is refused, not passed over');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE proleakproof', 'none claims to be leakproof');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE NOT has_function_privilege(''booking_guard_nobody'', oid, ''EXECUTE'')',
	'PUBLIC may execute all: a restore creates triggers before it grants');

-- Names of arguments, defaults and results are a promise as well.
SELECT is(pg_get_function_arguments('booking_guard_protect'::regproc),
	'service_table regclass, booking_table regclass, booking_key text[] DEFAULT NULL::text[], service_key text[] DEFAULT NULL::text[], '
	'tenant_column text DEFAULT NULL::text, status_column text DEFAULT ''status''::text, blocking_statuses text[] DEFAULT NULL::text[], '
	'free_statuses text[] DEFAULT NULL::text[], inactive_column text DEFAULT NULL::text, time_column text DEFAULT ''date''::text, '
	'time_zone text DEFAULT ''UTC''::text, label text DEFAULT ''service''::text, booking_label text DEFAULT ''booking''::text, '
	'keep_attached boolean DEFAULT true, validate boolean DEFAULT true, or_replace boolean DEFAULT false, '
	'retire_column text DEFAULT NULL::text, retire_value text DEFAULT NULL::text, mode text DEFAULT ''enforce''::text', 'arguments of booking_guard_protect');
SELECT is(pg_get_function_result('booking_guard_protect'::regproc), 'text', 'booking_guard_protect returns the name');
SELECT is(pg_get_function_arguments('booking_guard_unprotect'::regproc),
	'service_table regclass, booking_table regclass, booking_key text[] DEFAULT NULL::text[]', 'arguments of booking_guard_unprotect');
SELECT is(pg_get_function_result('booking_guard_unprotect'::regproc), 'boolean', 'booking_guard_unprotect returns whether there was one');
SELECT bag_eq(
	'SELECT proname::text, pg_get_function_identity_arguments(oid) FROM member_function WHERE proname IN (''safe_delete_service'', ''safe_retire_service'', ''booking_guard_blocking_bookings'')',
	$$SELECT f, format('service_id %s, tenant_id %s, service_table regclass, ', id, tenant) || result
	FROM (VALUES ('text', 'text'), ('anyelement', 'anycompatible'), ('text', 'anycompatible')) AS v (id, tenant),
		(VALUES ('safe_delete_service', 'OUT outcome text, OUT upcoming_bookings integer, OUT next_booking timestamp with time zone, OUT message text'),
			('safe_retire_service', 'OUT outcome text, OUT upcoming_bookings integer, OUT next_booking timestamp with time zone, OUT message text'),
			('booking_guard_blocking_bookings', 'OUT booking_table text, OUT booking_id text, OUT status text, OUT booking_time timestamp with time zone')) AS r (f, result)$$,
	'arguments and columns of safe_delete_service, safe_retire_service and booking_guard_blocking_bookings');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE proname IN (''safe_delete_service'', ''safe_retire_service'', ''booking_guard_blocking_bookings'') AND NOT proretset',
	'which return tables');
SELECT is_empty('SELECT oid::regprocedure FROM member_function WHERE proname IN (''safe_delete_service'', ''safe_retire_service'') AND prorows <> 1',
	'safe_delete_service and safe_retire_service one row');
SELECT is(pg_get_function_identity_arguments('booking_guard_health'::regproc),
	'scan boolean, OUT guard text, OUT severity text, OUT problem text, OUT fix text', 'argument and columns of booking_guard_health');

-- The triggers' functions
SELECT function_returns('booking_guard_before_delete', '{}'::name[], 'trigger');
SELECT function_returns('booking_guard_service', '{}'::name[], 'trigger');
SELECT function_returns('booking_guard_truncate', '{}'::name[], 'trigger');
SELECT function_returns('booking_guard_booking', '{}'::name[], 'trigger');
SELECT function_returns(evtname, '{}'::name[], 'event_trigger') FROM pg_event_trigger ORDER BY evtname;
SELECT set_eq('SELECT format(''%s %s %s'', evtevent, evtenabled, evtfoid::regproc) FROM pg_event_trigger',
	ARRAY['ddl_command_start O booking_guard_ddl_start', 'ddl_command_end O booking_guard_ddl_end', 'sql_drop O booking_guard_sql_drop'], 'event triggers');

--
-- The view
--
SELECT columns_are('booking_guards', ARRAY['guard', 'service_table', 'booking_table', 'booking_key', 'service_key', 'tenant_column', 'status_column',
	'blocking_statuses', 'free_statuses', 'inactive_column', 'time_column', 'time_zone', 'label', 'booking_label', 'keep_attached', 'definition', 'retire_column', 'retire_value', 'mode']);
SELECT col_type_is('booking_guards', c, t, format('%s is of type %s', c, t))
FROM (VALUES ('guard', 'text'), ('service_table', 'text'), ('booking_table', 'text'), ('booking_key', 'text[]'), ('service_key', 'text[]'),
	('tenant_column', 'text'), ('status_column', 'text'), ('blocking_statuses', 'text[]'), ('free_statuses', 'text[]'), ('inactive_column', 'text'),
	('time_column', 'text'), ('time_zone', 'text'), ('label', 'text'), ('booking_label', 'text'), ('keep_attached', 'boolean'), ('definition', 'text'),
	('retire_column', 'text'), ('retire_value', 'text'), ('mode', 'text')
) AS v (c, t);
-- Every option of protect() that says what a guard is has a column.
SELECT set_eq(
	'SELECT attname::text FROM pg_attribute WHERE attrelid = ''booking_guards''::regclass AND attnum > 0 AND attname NOT IN (''guard'', ''definition'')',
	'SELECT unnest(proargnames) FROM pg_proc WHERE proname = ''booking_guard_protect'' EXCEPT VALUES (''validate''), (''or_replace'')',
	'booking_guards has a column for every option of booking_guard_protect');
SELECT ok(has_table_privilege('booking_guard_nobody', 'booking_guards', 'SELECT'), 'PUBLIC may read booking_guards');
SELECT ok(NOT has_table_privilege('booking_guard_nobody', 'booking_guards', 'INSERT, UPDATE, DELETE, TRUNCATE, REFERENCES, TRIGGER'), 'and no more');
SELECT throws_ok('DELETE FROM booking_guards', '55000', NULL, 'booking_guards is not to be written');

SELECT * FROM finish();
ROLLBACK;
