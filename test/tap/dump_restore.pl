# A dump keeps the guards, however it is made and whoever restores it.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');
my $tmp = $PostgreSQL::Test::Utils::tmp_check;

$node->safe_psql('postgres', 'CREATE ROLE shopkeeper LOGIN; CREATE ROLE clerk');
$node->safe_psql('postgres', 'CREATE DATABASE shop OWNER shopkeeper');
$node->safe_psql('shop', 'CREATE EXTENSION booking_guard');
my $script = "$tmp/shop.sql";
append_to_file($script, shop_sql());
psql_file_ok($node, 'shop', $script, 'the shop', user => 'shopkeeper');
# what a dump says apart from CREATE TRIGGER
$node->safe_psql('shop', <<'SQL');
ALTER TABLE "Shop"."Tour" ENABLE ALWAYS TRIGGER "BG_Seat_tourId";
ALTER TABLE "Shop"."Seat" DISABLE TRIGGER "BG_Seat_tourId";
COMMENT ON TRIGGER "BG_Booking_staffId" ON "Shop"."Staff" IS 'Personal';
GRANT SELECT ON "Shop"."Service" TO clerk;
REVOKE EXECUTE ON FUNCTION booking_guard_unprotect, safe_delete_service(text, text, regclass) FROM PUBLIC;
REVOKE SELECT ON booking_guards FROM PUBLIC;
GRANT SELECT ON booking_guards TO clerk;
SQL

my %as_before = (
	guards => guards($node, 'shop'),
	health => health($node, 'shop'));
my $text = dump_text($node, 'shop');
my $schema_text = dump_text($node, 'shop', '--schema-only');

is($node->safe_psql('shop', 'SELECT count(*) FROM booking_guards'), 6, 'six guards');
like($as_before{health}, qr/Trigger "BG_Seat_tourId" .* is disabled/, 'one finding');
shop_is_guarded($node, 'shop', 'before', user => 'shopkeeper');

sub new_database
{
	my ($db, $options) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $db " . ($options || ''));
	return;
}

#
# Whole, by a superuser
#
my $plain = dump_file($node, 'shop');
new_database('plain', 'OWNER shopkeeper');
psql_file_ok($node, 'plain', $plain, 'restore it all');
shop_is_guarded($node, 'plain', 'plain', %as_before);
same_dump(dump_text($node, 'plain'), $text, 'plain: the same dump again');

my $custom = dump_file($node, 'shop', '--format=custom');
new_database('parallel', 'OWNER shopkeeper');
run_ok(
	[
		'pg_restore', '--exit-on-error', '--jobs=4',
		'--dbname', $node->connstr('parallel'), $custom
	],
	'restore with four jobs');
shop_is_guarded($node, 'parallel', 'parallel', %as_before);
same_dump(dump_text($node, 'parallel'), $text, 'parallel: the same dump again');

# Over what is there, guards included: triggers are dropped one by one.  (Not
# with partitions, whose primary keys pg_dump fails to drop.)
new_database('clean', 'OWNER shopkeeper');
psql_file_ok($node, 'clean',
	dump_file($node, 'shop', '--exclude-table="Shop"."Room"*', '--exclude-table="Shop"."Stay"*'),
	'restore it without partitions');
my $clean = dump_text($node, 'clean');
psql_file_ok($node, 'clean', dump_file($node, 'clean', '--clean'), 'restore it over itself');
shop_is_guarded($node, 'clean', 'clean', only => qr/^(?!.*(Room|Stay))/);
same_dump(dump_text($node, 'clean'), $clean, 'clean: the same dump again');

# Into another encoding.  (pg_dump writes the arguments of triggers as text.)
new_database('latin1', "OWNER shopkeeper ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0");
psql_file_ok($node, 'latin1', $plain, 'restore it in LATIN1');
shop_is_guarded($node, 'latin1', 'latin1', %as_before);
same_dump(dump_text($node, 'latin1', '--encoding=UTF8'), $text, 'latin1: the same dump again');

#
# Schema and data apart
#
new_database('parts', 'OWNER shopkeeper');
psql_file_ok($node, 'parts', dump_file($node, 'shop', '--schema-only'), 'restore the schema');
is(guards($node, 'parts'), $as_before{guards}, 'schema only: booking_guards');
same_dump(dump_text($node, 'parts', '--schema-only'), $schema_text, 'schema only: the same dump again');
# The data come in any order: bookings before their services.
my $data = dump_file($node, 'shop', '--data-only', '--disable-triggers');
psql_file_ok($node, 'parts', $data, 'restore the data with triggers disabled');
$node->safe_psql('parts', <<'SQL');    # --disable-triggers enables them all
ALTER TABLE "Shop"."Tour" ENABLE ALWAYS TRIGGER "BG_Seat_tourId";
ALTER TABLE "Shop"."Seat" DISABLE TRIGGER "BG_Seat_tourId";
SQL
shop_is_guarded($node, 'parts', 'data only', %as_before);
same_dump(dump_text($node, 'parts'), $text, 'data only: the same dump again');

#
# Some schemas: the extension belongs to the database and must be there
#
new_database('one_schema');
$node->safe_psql('one_schema', 'CREATE EXTENSION booking_guard');
psql_file_ok($node, 'one_schema', dump_file($node, 'shop', '--schema="Shop"'), 'restore one schema');
shop_is_guarded($node, 'one_schema', 'one schema',
	only => qr/"Shop"/,
	guards => join("\n", grep { !/Desk/ } split /\n/, $as_before{guards}));
same_dump(dump_text($node, 'one_schema', '--schema="Shop"'),
	dump_text($node, 'shop', '--schema="Shop"'),
	'one schema: the same dump again');
psql_file_ok($node, 'one_schema',
	dump_file($node, 'shop', '--schema="Left"', '--schema="right.hand"'),
	'restore two schemas with a guard between them');
shop_is_guarded($node, 'one_schema', 'all schemas', %as_before);

#
# By an owner who is no superuser.  A superuser has created the extension.
# What a dump has that the owner may not do: COMMENT ON EXTENSION, and privileges
# on what is in it.
#
sub owners_database
{
	my ($db) = @_;
	new_database($db, 'OWNER shopkeeper');
	$node->safe_psql($db, 'CREATE EXTENSION booking_guard');
	return;
}

owners_database('owner_plain');
psql_file_ok($node, 'owner_plain',
	dump_file($node, 'shop', '--no-comments', '--no-privileges'),
	'restore as the owner, without comments', user => 'shopkeeper');
shop_is_guarded($node, 'owner_plain', 'owner, plain', %as_before, user => 'shopkeeper');

owners_database('owner_custom');
my $list = run_ok([ 'pg_restore', '--list', $custom ], 'list what is in a dump');
$list = join "\n", grep { !/ EXTENSION |FUNCTION (booking_guard|safe)_|TABLE booking_guards/ } split /\n/, $list;
append_to_file("$tmp/list", "$list\n");
run_ok(
	[
		'pg_restore', '--exit-on-error', '--jobs=4', "--use-list=$tmp/list",
		'--dbname', $node->connstr('owner_custom') . ' user=shopkeeper', $custom
	],
	'restore as the owner, without the extension');
shop_is_guarded($node, 'owner_custom', 'owner, custom', %as_before, user => 'shopkeeper');
# all that is theirs
same_dump(
	dump_text($node, 'owner_custom', '--schema="Shop"', '--schema="Left"', '--schema="right.hand"'),
	dump_text($node, 'shop', '--schema="Shop"', '--schema="Left"', '--schema="right.hand"'),
	'owner, custom: the same dump again, of what is theirs');

# Without the right to disable the triggers of foreign keys: a guard without
# one checks at the end of the transaction, when all services are there.
owners_database('owner_parts');
psql_file_ok($node, 'owner_parts',
	dump_file($node, 'shop', '--schema-only', '--no-comments', '--no-privileges'),
	'restore the schema as the owner', user => 'shopkeeper');
$data = dump_file($node, 'shop', '--data-only');
$node->command_fails_like(
	[
		'psql', '-XqAt1', '-v', 'ON_ERROR_STOP=1', '-f', $data,
		'-d', $node->connstr('owner_parts') . ' user=shopkeeper'
	],
	qr/Cannot save upcoming /,
	'bookings before their services are refused');
psql_file_ok($node, 'owner_parts', $data,
	'unless constraints are deferred', user => 'shopkeeper',
	options => [ '--single-transaction', '-c', 'SET CONSTRAINTS ALL DEFERRED' ]);
shop_is_guarded($node, 'owner_parts', 'owner, data only', %as_before, user => 'shopkeeper');

#
# By an owner, of what is theirs: the same dump
#
{
	my $connstr = $node->connstr('shop') . ' user=shopkeeper';
	my $by_owner = run_ok([ 'pg_dump', '--dbname', $connstr ], 'dump as the owner');
	$by_owner =~ s/^\\(un)?restrict .*\n//mg;
	$by_owner =~ s/^-- Dumped from database version .*\n//m;
	same_dump($by_owner, $text, 'the same dump as by a superuser');
}

#
# One table alone: a guard cannot be without the other.  Restored one after the
# other, the second table has half a guard, which refuses what it cannot judge
# and says how to mend it.
#
new_database('tables');
$node->safe_psql('tables', 'CREATE EXTENSION booking_guard; CREATE SCHEMA "Left" AUTHORIZATION shopkeeper; CREATE SCHEMA "right.hand" AUTHORIZATION shopkeeper');
my @table = ('"right.hand"."Desk"', '"Left"."Reservation"');
$node->command_fails_like(
	[
		'psql', '-XqAt', '-v', 'ON_ERROR_STOP=1', '-o', File::Spec->devnull,
		'-f', dump_file($node, 'shop', "--table=$table[0]"), '-d', $node->connstr('tables')
	],
	qr/ERROR:  relation "Left\.Reservation" does not exist/,
	'a service table alone: its guard has no bookings');
is($node->safe_psql('tables', "DELETE FROM $table[0] WHERE id = 2 RETURNING id"), 2, 'and none is there');
psql_file_ok($node, 'tables', dump_file($node, 'shop', "--table=$table[1]"), 'then the booking table');
attempts($node, 'tables', 'half a guard', [
	[
		'delete', "DELETE FROM $table[0] WHERE id = 1", 'ok'
	],
	[
		'book',
		"INSERT INTO $table[1] VALUES (8, 1, 'PENDING', '2100-01-01')",
		qr/^55000 .*BG_Reservation_desk/
	],
]);
like(health($node, 'tables'), qr/^BG_Reservation_desk "id"\|error\|/, 'booking_guard_health() finds it');
$node->safe_psql('tables',
	"SET client_min_messages = error; SELECT booking_guard_protect('$table[0]', '$table[1]', ARRAY['desk \"id\"'],"
	  . " label => 'desk', booking_label => 'reservation', or_replace => true)");
shop_is_guarded($node, 'tables', 'tables one by one', only => qr/Desk" WHERE id = 1|Reservation/);
is( guards($node, 'tables'),
	(grep { /Desk/ } split /\n/, $as_before{guards})[0],
	'tables one by one: booking_guards');

done_testing();
