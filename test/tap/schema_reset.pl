# A migration tool's reset, and other ways to drop everything at once: no
# error, nothing left over, and nothing lost if it is undone.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');

$node->safe_psql('postgres', 'CREATE ROLE shopkeeper; CREATE ROLE booker');

# Databases with a shop, copied from one.  The extension is in public, or in a
# schema of its own.
sub make_template
{
	my ($db, $schema) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, <<"SQL");
CREATE SCHEMA IF NOT EXISTS $schema;
CREATE EXTENSION booking_guard SCHEMA $schema;
GRANT ALL ON DATABASE $db TO shopkeeper, booker;
GRANT ALL ON SCHEMA public, $schema TO shopkeeper, booker;
SQL
	$node->safe_psql($db, 'SET ROLE shopkeeper;' . shop_sql($schema));
	return;
}
make_template('extension_in_public', 'public');
make_template('extension_apart', 'ext');

# Do it, undone first; then for good.  What remains has to be as told.
sub drops
{
	my ($template, $sql, $title, $expected) = @_;
	my $schema = $template eq 'extension_apart' ? 'ext' : 'public';
	my $what_is = remains($node, $template);
	my ($stdout, $stderr);

	$node->safe_psql('postgres', "CREATE DATABASE victim TEMPLATE $template");
	$node->psql('victim', "SET client_min_messages = warning;\nBEGIN;\n$sql;\nROLLBACK;\n",
		on_error_stop => 1, stderr => \$stderr);
	is($stderr, '', "$title: no error, undone");
	is(remains($node, 'victim'), $what_is, "$title: undone, all is as before");
	shop_is_guarded($node, 'victim', "$title, undone",
		schema => $schema, guards => guards($node, $template, $schema));

	# in a session that has the guards in its caches
	my $used = 'DELETE FROM "Shop"."Service" WHERE id = 3; DELETE FROM "right.hand"."Desk" WHERE id = 2;'
	  . 'INSERT INTO "Left"."Reservation" VALUES (3, 1, \'PENDING\', \'2100-01-01\')';
	$node->psql('victim', "SET client_min_messages = warning;\n$used;\n$sql;\n",
		on_error_stop => 1, stderr => \$stderr);
	is($stderr, '', "$title: no error");
	is(remains($node, 'victim'), $expected, "$title: what remains");
	return;
}

# Make the shop anew in the same database.
sub starts_again
{
	my ($title, $schema) = @_;

	$node->safe_psql('victim',
		"CREATE SCHEMA IF NOT EXISTS $schema; CREATE EXTENSION IF NOT EXISTS booking_guard SCHEMA $schema;" . shop_sql($schema));
	shop_is_guarded($node, 'victim', "$title, and made again", schema => $schema);
	return;
}

sub drop_victim
{
	$node->safe_psql('postgres', 'DROP DATABASE victim');
	return;
}

my $extension_alone = $node->safe_psql('postgres', 'CREATE EXTENSION booking_guard')
  . remains($node, 'postgres');
like($extension_alone, qr/event trigger/, 'the extension has event triggers');
my $elsewhere = $node->safe_psql('postgres', <<'SQL') . remains($node, 'postgres');
DROP EXTENSION booking_guard; CREATE SCHEMA ext; CREATE EXTENSION booking_guard SCHEMA ext
SQL

# The extension goes with its schema, the shop in others stays, without guards.
drops('extension_in_public', 'DROP SCHEMA public CASCADE; CREATE SCHEMA public',
	'the schema of the extension', '');
is($node->safe_psql('victim', 'DELETE FROM "Shop"."Service" RETURNING 1'), "1\n1\n1",
	'the tables stay, without guards');
$node->safe_psql('victim', 'DROP SCHEMA "Shop", "Left", "right.hand" CASCADE');
starts_again('the schema of the extension', 'public');
drop_victim();

# Whoever owns the schema can do it, superuser or not; the extension's owner is
# not asked.  It takes a superuser to create it again.
drops('extension_in_public', <<'SQL', "the schema of the extension, by the schema's owner", '');
ALTER SCHEMA public OWNER TO shopkeeper;
SET ROLE shopkeeper;
DROP SCHEMA public CASCADE
SQL
my $stderr;
$node->psql('victim', 'SET ROLE shopkeeper; CREATE SCHEMA public; CREATE EXTENSION booking_guard', stderr => \$stderr);
like($stderr, qr/permission denied/, 'who may drop the extension so may not create it');
drop_victim();

# All in one session, with guards in its caches.
my $stdout = $node->safe_psql('postgres', 'CREATE DATABASE victim TEMPLATE extension_in_public')
  . $node->safe_psql('victim', 'SELECT definition FROM booking_guards');
$node->psql('victim', <<"SQL", on_error_stop => 0, stderr => \$stderr);
SET client_min_messages = error;
DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 1);
DROP EXTENSION booking_guard CASCADE;
CREATE EXTENSION booking_guard;
$stdout
DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 1);
DELETE FROM "right.hand"."Desk" WHERE id = 1;
SQL
is(join("\n", $stderr =~ /ERROR: .*/g), <<'ERRORS' =~ s/\n\z//r, 'dropped and made again in one session');
ERROR:  Cannot delete Dienst für Gäste with 1 upcoming Buchung.
ERROR:  Cannot delete Dienst für Gäste with 1 upcoming Buchung.
ERROR:  Cannot delete desk with 1 upcoming reservation.
ERRORS
drop_victim();

# Everything in one schema, which is what a reset finds.
$node->safe_psql('postgres', 'CREATE DATABASE reset');
my $all_in_public = shop_sql();
$all_in_public =~ s/^CREATE SCHEMA .*;\n//mg;
$all_in_public =~ s/SET search_path = .*;/SET search_path = public;/;
$all_in_public =~ s/"(?:Left|right\.hand)"\.//g;
for my $round (1 .. 2)
{
	$node->safe_psql('reset', 'CREATE EXTENSION booking_guard');
	$node->safe_psql('reset', $all_in_public);
	my $guarded = remains($node, 'reset');

	attempts($node, 'reset', "round $round: it is guarded",
		[ map { (my $sql = $_->[1]) =~ s/"(Shop|Left|right\.hand)"\.//g; [ $_->[0], $sql, $_->[2] ] } shop_attempts() ]);
	run_ok(
		[
			'psql', '-Xq', '-d', $node->connstr('reset'), '-v', 'ON_ERROR_STOP=1', '-1',
			'-c', 'SET client_min_messages = warning',
			'-c', 'DROP SCHEMA public CASCADE', '-c', 'CREATE SCHEMA public'
		],
		"round $round: reset");
	is(remains($node, 'reset'), '', "round $round: nothing remains");
}

# The extension stays, in another schema, and the shop goes.
drops('extension_apart', 'DROP SCHEMA "Shop", "Left", "right.hand" CASCADE', 'all schemas but that of the extension', $elsewhere);
starts_again('all schemas but that of the extension', 'ext');
drop_victim();

# One table of a guard stays.
for my $schema ('"Left"', '"right.hand"')
{
	drops('extension_apart', "DROP SCHEMA $schema, \"Shop\" CASCADE", "schema $schema with one table of a guard", $elsewhere);
	drop_victim();
}
# Partitions, their parents, one by one
drops('extension_apart', <<'SQL', 'tables one by one', $elsewhere);
DROP TABLE "Shop"."Stay past";
DROP TABLE "Shop"."Stay";
DROP TABLE "Shop"."Room a";
DROP TABLE "Shop"."Room";
DROP TABLE "Shop"."Booking";
DROP TABLE "Shop"."Service";
DROP TABLE "Shop"."Staff", "Shop"."Seat", "Shop"."Tour" CASCADE;
DROP TABLE "right.hand"."Desk";
DROP TABLE "Left"."Reservation"
SQL
drop_victim();

# The extension alone, with all guards
drops('extension_in_public', 'DROP EXTENSION booking_guard CASCADE', 'the extension', '');
$node->safe_psql('victim', 'DELETE FROM "Shop"."Service"; TRUNCATE "Shop"."Room"');
drop_victim();
$node->psql('extension_apart', 'DROP EXTENSION booking_guard', stderr => \$stderr);
like($stderr, qr/cannot drop extension booking_guard because other objects depend on it/,
	'without CASCADE, guards are in the way of dropping the extension');
like($stderr, qr/trigger BG_\w+ on table "Shop"\."\w+" depends on function ext\.booking_guard_\w+\(\)/,
	'and named');

# Owners: of all; of one of a guard's two tables.
drops('extension_apart', 'DROP OWNED BY shopkeeper CASCADE', 'all that one role owns', $elsewhere);
drop_victim();
for my $table ('"right.hand"."Desk"', '"Left"."Reservation"')
{
	drops('extension_apart', <<"SQL", "what one role owns: $table", $elsewhere);
ALTER TABLE $table OWNER TO booker;
DROP OWNED BY booker;
DROP SCHEMA "Shop" CASCADE
SQL
	drop_victim();
}

# The owner, who is no superuser, resets a schema of their own.
drops('extension_apart', <<'SQL', 'by the owner', $elsewhere);
SET ROLE shopkeeper;
DROP SCHEMA "Left" CASCADE;
DROP SCHEMA "Shop" CASCADE;
DROP SCHEMA "right.hand" CASCADE
SQL
drop_victim();

done_testing();
