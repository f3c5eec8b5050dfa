# The extension may be in any schema, also one that is on nobody's search_path,
# and may be moved: ALTER EXTENSION ... SET SCHEMA.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE SCHEMA "Guard House"; CREATE EXTENSION booking_guard SCHEMA "Guard House"');
$node->safe_psql('shop', shop_sql('"Guard House"'));

my @schemas = ('"Guard House"', 'public', 'elsewhere');
my $made_in = shift @schemas;
my ($guards, $health) =
  (guards($node, 'shop', $made_in), health($node, 'shop', $made_in));
like($guards, qr/SELECT \Q$made_in\E\.booking_guard_protect/, "$made_in: a definition names the schema");
shop_is_guarded($node, 'shop', $made_in);

# A session that has used guards goes on after each move, whatever it has cached.
my $session = $node->background_psql('shop', on_error_stop => 0);
my $delete = 'DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 1)';
my $insert = 'INSERT INTO "Shop"."Booking" VALUES (9, 1, 1, 99, 1, \'CONFIRMED\', \'2100-01-01\')';

sub session_is_guarded
{
	my ($title) = @_;

	$session->{stderr} = '';
	$session->query($delete);
	like($session->{stderr}, qr/ERROR:  Cannot delete Dienst/, "$title: the same session's delete");
	$session->{stderr} = '';
	$session->query($insert);
	like($session->{stderr}, qr/ERROR:  Cannot save upcoming booking/, "$title: the same session's booking");
	$session->{stderr} = '';
	return;
}
session_is_guarded($made_in);

$node->safe_psql('shop', 'CREATE SCHEMA elsewhere; CREATE VIEW public.mine AS SELECT count(*) FROM "Guard House".booking_guards');
for my $schema (@schemas)
{
	$node->safe_psql('shop', "ALTER EXTENSION booking_guard SET SCHEMA $schema");

	session_is_guarded($schema);
	(my $moved_guards = $guards) =~ s/\Q$made_in\E/$schema/g;
	shop_is_guarded($node, 'shop', $schema,
		schema => $schema, guards => $moved_guards, health => $health);
	is($node->safe_psql('shop', 'SELECT * FROM public.mine'), 6, "$schema: a view of booking_guards goes on");
}

# Whatever names a function of ours to somebody names the schema where it is:
# hints, and what health suggests.
attempts($node, 'shop', 'verdicts, by an empty search_path', [
	[ 'safe_delete_service', <<'SQL', 'ok' ],
DO $$ BEGIN
ASSERT (SELECT outcome FROM elsewhere.safe_delete_service(1, 1, '"Shop"."Service"')) = 'blocked';
ASSERT (SELECT outcome FROM elsewhere.safe_delete_service(3, 1, '"Shop"."Service"')) = 'deleted';
ASSERT (SELECT count(*) FROM elsewhere.booking_guard_blocking_bookings(1, 1, '"Shop"."Service"')) = 1;
END $$
SQL
	[ 'unprotect', <<'SQL', 'ok' ],
DO $$ BEGIN
ASSERT elsewhere.booking_guard_unprotect('"Shop"."Service"', '"Shop"."Booking"');
DELETE FROM "Shop"."Service";
ASSERT (SELECT count(*) FROM pg_trigger WHERE tgrelid = '"Shop"."Service"'::regclass AND NOT tgisinternal) = 0;
END $$
SQL
	[ 'every definition, again', <<'SQL', 'ok' ],
DO $$ DECLARE before jsonb; g record; BEGIN
before := jsonb_agg(to_jsonb(b) ORDER BY guard) FROM elsewhere.booking_guards b;
FOR g IN SELECT * FROM elsewhere.booking_guards LOOP
	ASSERT elsewhere.booking_guard_unprotect(g.service_table, g.booking_table, g.booking_key);
	EXECUTE g.definition;
END LOOP;
ASSERT before = jsonb_agg(to_jsonb(b) ORDER BY guard) FROM elsewhere.booking_guards b;
END $$
SQL
	[ 'a table dropped', <<'SQL', 'ok' ],
DO $$ BEGIN
DROP TABLE "Left"."Reservation";
ASSERT (SELECT count(*) FROM pg_trigger WHERE tgrelid = '"right.hand"."Desk"'::regclass) = 0;
END $$
SQL
], before => "SET search_path = ''");

my ($stdout, $stderr);
$node->psql('shop', "SET search_path = ''; $delete", stderr => \$stderr);
like($stderr, qr/HINT: .* elsewhere\.booking_guard_blocking_bookings\(/, 'a hint can be pasted');
(my $query) = $stderr =~ /(SELECT \* FROM elsewhere.*;)/;
is($node->safe_psql('shop', "SET search_path = ''; $query"),
	'"Shop"."Booking"|1|on hold, "maybe"|2100-01-01 00:00:00+00',
	'and then shows the booking');

# What health suggests, pasted, mends.
$node->safe_psql('shop', 'DROP TRIGGER zz_booking_guard_delete ON "Shop"."Service"');
my $fix = $node->safe_psql('shop',
	"SET search_path = ''; SELECT fix FROM elsewhere.booking_guard_health() WHERE problem ~ 'zz_booking_guard_delete'");
like($fix, qr/EXECUTE FUNCTION elsewhere\./, 'a fix names the schema where the extension is');
$node->safe_psql('shop', "SET search_path = ''; $fix");
is(health($node, 'shop', 'elsewhere'), $health, 'and mends');

# Dumped and restored from there.
my $dump = dump_file($node, 'shop');
my $text = dump_text($node, 'shop');
$node->safe_psql('postgres', 'CREATE DATABASE again');
psql_file_ok($node, 'again', $dump, 'restore it');
shop_is_guarded($node, 'again', 'restored',
	schema => 'elsewhere',
	guards => guards($node, 'shop', 'elsewhere'), health => $health);
same_dump(dump_text($node, 'again'), $text, 'the same dump again');

# Moved in the midst of a statement, at the worst moment: the session still
# knows the trigger's function by its old schema, and has yet to look for the
# guards.  (Waiting for an advisory lock, it learns of no changes.)
$node->safe_psql('again', <<'SQL');
CREATE FUNCTION public.wait_a_while() RETURNS trigger LANGUAGE plpgsql AS
	'BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END';
CREATE TRIGGER wait_a_while AFTER TRUNCATE ON "right.hand"."Desk"
	FOR EACH STATEMENT EXECUTE FUNCTION public.wait_a_while();
SQL
my $mover = $node->background_psql('again');
my $truncater = $node->background_psql('again', on_error_stop => 0);
$mover->query_safe('BEGIN; SELECT pg_advisory_xact_lock(1)');
$truncater->query(q{SELECT tgfoid::regproc FROM pg_trigger WHERE tgname = 'zz_booking_guard_truncate'});
$truncater->query_until(qr/truncating/, qq{\\echo truncating\nTRUNCATE "right.hand"."Desk";\n});
$node->poll_query_until('again', "SELECT count(*) = 1 FROM pg_locks WHERE locktype = 'advisory' AND NOT granted");
$node->safe_psql('again', 'ALTER EXTENSION booking_guard SET SCHEMA public');
$mover->query_safe('COMMIT');
$truncater->query('SELECT 1');
like($truncater->{stderr}, qr/ERROR:  Cannot truncate table "right.hand"."Desk" with 1 upcoming reservation/,
	'moved during a TRUNCATE');
$_->quit for ($mover, $truncater);
$node->safe_psql('again', 'DROP FUNCTION public.wait_a_while CASCADE');
shop_is_guarded($node, 'again', 'moved during a TRUNCATE', schema => 'public', health => $health);

# ALTER SCHEMA ... RENAME is a move, too.
$node->safe_psql('shop', 'ALTER SCHEMA elsewhere RENAME TO "here"');
session_is_guarded('the schema renamed');
shop_is_guarded($node, 'shop', 'the schema renamed', schema => 'here', health => $health);
$session->quit;

done_testing();
