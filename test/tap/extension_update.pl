# An updated extension is like a new one, and guards made under an earlier
# version go on: before the update, with the new library, and after it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $default = $node->safe_psql('postgres',
	"SELECT default_version FROM pg_available_extensions WHERE name = 'booking_guard'");
my @earlier = split /\n/, $node->safe_psql('postgres',
	"SELECT version FROM pg_available_extension_versions WHERE name = 'booking_guard' AND version <> '$default' ORDER BY version");

# Everything that the catalogs know of the extension, but for OIDs; for the
# options of a view's columns, where the server may keep a stamp of its own,
# another one each time a view is made; and for where in the script a default
# value was (the value itself is in the definition).
sub catalog
{
	my ($db) = @_;

	return $node->safe_psql($db, <<'SQL');
CREATE TEMP VIEW member AS
SELECT classid, objid FROM pg_depend
WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'booking_guard');

CREATE TEMP VIEW part AS	-- members and what belongs to them
SELECT * FROM member
UNION SELECT d.classid, d.objid FROM pg_depend d JOIN member m ON (d.refclassid, d.refobjid) = (m.classid, m.objid)
WHERE d.deptype = 'i';

SELECT 'extension', to_jsonb(e) - 'oid' FROM pg_extension e WHERE extname = 'booking_guard'
UNION ALL
SELECT 'member ' || pg_describe_object(classid, objid, 0), NULL FROM member
UNION ALL
SELECT 'function ' || p.oid::regprocedure, to_jsonb(p) - '{oid,proargdefaults}'::text[]
	|| jsonb_build_object('definition', pg_get_functiondef(p.oid))
FROM pg_proc p WHERE ('pg_proc'::regclass, oid) IN (TABLE member)
UNION ALL
SELECT 'relation ' || relname,
	jsonb_build_object('kind', relkind, 'acl', relacl, 'owner', relowner, 'options', reloptions,
		'definition', pg_get_viewdef(c.oid))
FROM pg_class c WHERE ('pg_class'::regclass, oid) IN (TABLE member)
UNION ALL
SELECT 'column ' || attnum, to_jsonb(a) - '{attrelid,attoptions}'::text[]
FROM pg_attribute a WHERE ('pg_class'::regclass, attrelid) IN (TABLE member)
UNION ALL
SELECT 'event trigger ' || evtname,
	to_jsonb(e) - '{oid,evtfoid}'::text[] || jsonb_build_object('function', evtfoid::regproc)
FROM pg_event_trigger e WHERE ('pg_event_trigger'::regclass, oid) IN (TABLE member)
UNION ALL
SELECT 'comment on ' || pg_describe_object(classoid, objoid, objsubid), to_jsonb(description)
FROM pg_description WHERE (classoid, objoid) IN (TABLE part)
UNION ALL
SELECT 'initial privileges of ' || pg_describe_object(classoid, objoid, objsubid),
	jsonb_build_object('type', privtype, 'acl', initprivs)
FROM pg_init_privs WHERE (classoid, objoid) IN (TABLE part)
UNION ALL
SELECT pg_describe_object(classid, objid, objsubid) || ' depends on ' || pg_describe_object(refclassid, refobjid, refobjsubid),
	to_jsonb(deptype)
FROM pg_depend WHERE (classid, objid) IN (TABLE part)
UNION ALL
SELECT 'named like one ' || proname, NULL FROM pg_proc
WHERE proname ~ 'booking_guard|safe_' AND ('pg_proc'::regclass, oid) NOT IN (TABLE member)
ORDER BY 1, 2
SQL
}

sub create_triggers
{
	my ($text) = @_;
	my @statements = sort $text =~ /^(CREATE (?:CONSTRAINT )?TRIGGER .*?;)$/msg;

	# what guards of later versions have in addition
	@statements = grep { !/ zz_booking_guard_truncate AFTER TRUNCATE ON "Shop"\."Room (a|rest)"/ } @statements;
	return join "\n", @statements, '';
}

# What else each version has done.
my $verdicts = <<'SQL';
SELECT outcome, upcoming_bookings FROM safe_delete_service(1, 1, '"Shop"."Service"');
SELECT booking_table, booking_id FROM booking_guard_blocking_bookings(1, 1, '"Shop"."Service"');
BEGIN;
SELECT booking_guard_protect('"Shop"."Tour"', '"Shop"."Seat"', ARRAY['tourId'], or_replace => true, label => 'other', status_column => NULL, time_column => NULL);
SELECT count(*) FROM booking_guards WHERE label = 'other' AND definition ~ 'other';
DO $$ BEGIN EXECUTE (SELECT definition FROM booking_guards WHERE label = 'other'); END $$;
SELECT booking_guard_unprotect('"Shop"."Tour"', '"Shop"."Seat"');
SELECT count(*) FROM booking_guards WHERE label = 'other';
DROP TABLE "Left"."Reservation";
SELECT count(*) FROM pg_trigger WHERE tgrelid = '"right.hand"."Desk"'::regclass;
ROLLBACK;
SQL
my $expected_verdicts = <<'OUT';
blocked|1
"Shop"."Booking"|1
BG_Seat_tourId
1
t
0
0
OUT
chomp $expected_verdicts;

$node->safe_psql('postgres', 'CREATE DATABASE fresh');
$node->safe_psql('fresh', 'CREATE EXTENSION booking_guard');
my $fresh = catalog('fresh');
like($fresh, qr/^member function booking_guard_protect/m, 'the catalogs know of the extension');
$node->safe_psql('fresh', shop_sql(undef, '1.0'));
shop_is_guarded($node, 'fresh', 'fresh', version => '1.0');
is($node->safe_psql('fresh', $verdicts), $expected_verdicts, 'fresh: verdicts, changing and removing guards');
my $fresh_dump = dump_text($node, 'fresh');

# What 1.0 has written still is what we write.
my $by_1_0 = slurp_file("$FindBin::RealBin/guards_1.0.sql");
same_dump(create_triggers($fresh_dump), create_triggers($by_1_0),
	'guards without newer options are dumped as by version 1.0');

ok(scalar(grep { $_ eq '1.0' } @earlier), 'there is a version 1.0 to update');

for my $version (@earlier)
{
	(my $db = "from_$version") =~ s/\W/_/g;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, "CREATE EXTENSION booking_guard VERSION '$version'");
	$node->safe_psql($db, shop_sql(undef, '1.0'));
	shop_is_guarded($node, $db, "$version with the new library", version => '1.0');
	is($node->safe_psql($db, $verdicts), $expected_verdicts,
		"$version with the new library: verdicts, changing and removing guards");
	$node->safe_psql($db, 'SELECT * FROM booking_guard_health()');
	my $columns = 'guard, service_table, booking_table, booking_key, service_key, tenant_column, status_column,'
	  . ' blocking_statuses, free_statuses, inactive_column, time_column, time_zone, label, booking_label, keep_attached, definition';
	my $select = "SELECT $columns FROM booking_guards ORDER BY service_table, booking_table, guard";
	my $guards = $node->safe_psql($db, $select);

	$node->safe_psql($db, <<"SQL");
CREATE VIEW my_guards AS $select;
CREATE VIEW all_of_mine AS SELECT * FROM booking_guards;
CREATE ROLE reader_$db;
GRANT SELECT ON booking_guards TO reader_$db;
SQL

	# A session that has used guards before goes on after it.
	my $session = $node->background_psql($db, on_error_stop => 0);
	my $delete = 'DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 1)';
	$session->query($delete);
	like($session->{stderr}, qr/ERROR:  Cannot delete Dienst/, "$version: a session before the update");
	$session->{stderr} = '';

	# Undone, it has done nothing.
	my $before = catalog($db);
	$node->safe_psql($db, 'BEGIN; ALTER EXTENSION booking_guard UPDATE; ROLLBACK');
	same_dump(catalog($db), $before, "$version: an update undone");

	run_ok(
		[ 'psql', '-XqAt', '-d', $node->connstr($db), '-c', 'ALTER EXTENSION booking_guard UPDATE' ],
		"$version: update without a word");

	$session->query($delete);
	like($session->{stderr}, qr/ERROR:  Cannot delete Dienst/, "$version: the same session after the update");
	$session->quit;

	is($node->safe_psql($db, $select), $guards, "$version: the same guards after the update");
	is($node->safe_psql($db, 'SELECT * FROM my_guards'), $guards, "$version: a view of the guards goes on");
	is($node->safe_psql($db, 'SELECT count(*) FROM all_of_mine'), 6, "$version: another, of all columns, too");
	is( $node->safe_psql($db, "SELECT has_table_privilege('reader_$db', 'booking_guards', 'SELECT')"),
		't', "$version: privileges on the view stay");
	$node->safe_psql($db, <<"SQL");
DROP VIEW my_guards, all_of_mine;
REVOKE SELECT ON booking_guards FROM reader_$db;
DROP ROLE reader_$db;
SQL

	same_dump(catalog($db), $fresh, "$version: after the update the catalogs are as in a new installation");
	same_dump(dump_text($node, $db), $fresh_dump, "$version: so is a dump of the guards that were there before");
	shop_is_guarded($node, $db, "$version updated",
		version => '1.0',
		guards => guards($node, 'fresh'),
		health => health($node, 'fresh'));
	is($node->safe_psql($db, $verdicts), $expected_verdicts,
		"$version updated: verdicts, changing and removing guards");
}

# A view of one's own on a function that has other arguments now would be lost.
# The update says so and does nothing.
$node->safe_psql('postgres', 'CREATE DATABASE monitored');
$node->safe_psql('monitored', <<'SQL');
CREATE EXTENSION booking_guard VERSION '1.0';
CREATE VIEW my_monitor AS SELECT count(*) FROM booking_guard_health();
REVOKE EXECUTE ON FUNCTION booking_guard_protect, booking_guard_unprotect FROM PUBLIC;
SQL
my ($stdout, $stderr);
$node->psql('monitored', 'ALTER EXTENSION booking_guard UPDATE', stderr => \$stderr);
like($stderr, qr/cannot drop function booking_guard_health\(\).*\nDETAIL:  view my_monitor depends on/,
	'a view that is in the way of an update is named');
# The privileges of such a function are those of a new one.
$node->safe_psql('monitored', <<'SQL');
DROP VIEW my_monitor;
ALTER EXTENSION booking_guard UPDATE;
SQL
is( $node->safe_psql('monitored', <<'SQL'), "booking_guard_protect|\nbooking_guard_unprotect|{postgres=X/postgres}", 'privileges after an update');
SELECT proname, replace(proacl::text, quote_ident(current_user), 'postgres') FROM pg_proc
WHERE proname ~ 'protect$' ORDER BY 1
SQL

done_testing();
