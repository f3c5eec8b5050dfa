# Logical replication: guards on the subscriber refuse nothing of what the
# publisher has done, in whatever order it comes; they go on guarding against
# the subscriber's own sessions.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $publisher = new_node('publisher',
	init => { allows_streaming => 'logical' });
my $subscriber = new_node('subscriber',
	conf => "wal_retrieve_retry_interval = 100ms\n");

# The same shop on both; no guard on the publisher.
$publisher->safe_psql('postgres', 'CREATE EXTENSION booking_guard');
$publisher->safe_psql('postgres', shop_sql());
my $schema = dump_file($publisher, 'postgres', '--schema-only');
my %as_before = (guards => guards($publisher, 'postgres'));
psql_file_ok($subscriber, 'postgres', $schema, 'the schema on the subscriber');
$publisher->safe_psql('postgres', <<'SQL');
DROP EXTENSION booking_guard CASCADE;
ALTER TABLE "Shop"."Stay past" REPLICA IDENTITY FULL;
ALTER TABLE "Shop"."Stay ahead" REPLICA IDENTITY FULL;
ALTER TABLE "Shop"."Seat" REPLICA IDENTITY FULL;
CREATE PUBLICATION shop FOR ALL TABLES;
SQL

my @tables = split /\n/, $publisher->safe_psql('postgres',
	"SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relnamespace::regnamespace::text ~ 'Shop|Left|right' ORDER BY 1");
is(scalar @tables, 11, 'the tables that are published');

sub data
{
	my ($node) = @_;
	return join "\n",
	  map { "$_:\n" . $node->safe_psql('postgres', "SELECT t FROM $_ t ORDER BY 1") } @tables;
}

sub in_step
{
	my ($title) = @_;
	$publisher->wait_for_catchup('shop');
	is(data($subscriber), data($publisher), $title);
	return;
}

# The first copy is made by several workers, each with a table.
my $connection = $publisher->connstr . ' dbname=postgres';
$subscriber->safe_psql('postgres',
	"CREATE SUBSCRIPTION shop CONNECTION '$connection' PUBLICATION shop");
$subscriber->wait_for_subscription_sync($publisher, 'shop');
in_step('the first copy');
shop_is_guarded($subscriber, 'postgres', 'after the first copy', %as_before);

# What a guard refuses, done where there is none
$publisher->safe_psql('postgres', $_->[1]), in_step("replicated: $_->[0]")
  for (
	[ 'a booked service deleted',           'DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 2)' ],
	[ 'a booked member of staff deleted',   'DELETE FROM "Shop"."Staff" WHERE id = 1' ],
	[ 'a booked room deleted',              'DELETE FROM "Shop"."Room" WHERE (tenant, no) = (\'a\', 1)' ],
	[ 'the key of a booked desk changed',   'UPDATE "right.hand"."Desk" SET id = 9 WHERE id = 1' ],
	[ 'a booking of nothing made',          'INSERT INTO "Shop"."Booking" VALUES (20, NULL, NULL, 99, NULL, \'CONFIRMED\', \'2100-01-01\')' ],
	[ 'a stay moved ahead, to no room',     'UPDATE "Shop"."Stay" SET "from" = \'2100-01-01\', room = 99 WHERE id = 2' ],
	[ 'a reservation detached',             'UPDATE "Left"."Reservation" SET "desk ""id""" = NULL WHERE id = 1' ],
	[ 'the rooms truncated, not the stays', 'TRUNCATE "Shop"."Room"' ],
  );
is( $subscriber->safe_psql('postgres',
		"SELECT apply_error_count, sync_error_count FROM pg_stat_subscription_stats WHERE subname = 'shop'"),
	'0|0', 'nothing was in the way of replication');

# and back, so that the shop is as it was; also in an order of its own
$publisher->safe_psql('postgres', <<'SQL');
DELETE FROM "Shop"."Booking" WHERE id = 20;
UPDATE "Shop"."Stay" SET "from" = '2000-01-01', room = 2 WHERE id = 2;
UPDATE "Left"."Reservation" SET "desk ""id""" = 1 WHERE id = 1;
INSERT INTO "Shop"."Staff" VALUES (1);
INSERT INTO "Shop"."Service" VALUES (1, 2);
INSERT INTO "Shop"."Booking" VALUES (2, 1, 2, 3, NULL, 'it''s off', '2100-01-01'), (3, 1, 2, NULL, NULL, 'bestätigt', '2100-01-01');
INSERT INTO "Shop"."Room" VALUES ('a', 1), ('a', 2), ('b', 1), ('b', 2);
UPDATE "right.hand"."Desk" SET id = 1 WHERE id = 9;
SQL
in_step('the shop as it was');

# A local session is refused what replication is not.
shop_is_guarded($subscriber, 'postgres', 'local sessions on the subscriber', %as_before);

# A guard whose triggers are set to ENABLE ALWAYS judges replication as well,
# and holds it up; that is what ALWAYS means.
my $offset = -s $subscriber->logfile;
$subscriber->safe_psql('postgres',
	'ALTER TABLE "right.hand"."Desk" ENABLE ALWAYS TRIGGER zz_booking_guard_delete');
$publisher->safe_psql('postgres', 'DELETE FROM "right.hand"."Desk" WHERE id = 1');
ok($subscriber->wait_for_log(qr/ERROR:  Cannot delete desk with 1 upcoming reservation\./, $offset),
	'a trigger that is enabled ALWAYS holds replication up');
ok($subscriber->poll_query_until('postgres',
		"SELECT apply_error_count > 0 FROM pg_stat_subscription_stats WHERE subname = 'shop'"),
	'which is counted as an error');
$subscriber->safe_psql('postgres',
	'ALTER TABLE "right.hand"."Desk" ENABLE TRIGGER zz_booking_guard_delete');
in_step('and lets it go on once it is not');

# So it is in a session that says that it replays what was done elsewhere.
$subscriber->safe_psql('postgres', 'DROP SUBSCRIPTION shop');
$subscriber->safe_psql('postgres',
	'SET session_replication_role = replica; DELETE FROM "Shop"."Staff"; SELECT 1');
is($subscriber->safe_psql('postgres', 'SELECT count(*) FROM "Shop"."Staff"'), 0, 'a replica session is not guarded');

done_testing();
