# A hot standby shows guards and their health, and gives the verdicts that need
# no writing; promoted, it goes on guarding.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $primary = new_node('primary', init => { allows_streaming => 1 });

$primary->backup('backup');
my $standby = PostgreSQL::Test::Cluster->new('standby');
$standby->init_from_backup($primary, 'backup', has_streaming => 1);
$standby->start;

$primary->safe_psql('postgres', 'CREATE EXTENSION booking_guard');
$primary->safe_psql('postgres', shop_sql());
$primary->wait_for_catchup($standby);

my %as_before = (guards => guards($primary, 'postgres'), health => health($primary, 'postgres'));
is(guards($standby, 'postgres'), $as_before{guards}, 'booking_guards on the standby');
is(health($standby, 'postgres'), $as_before{health}, 'booking_guard_health() on the standby');
isnt($as_before{health}, '', 'which has something to say');

# The same in a read-only transaction of the primary.
for ([ 'standby', $standby, '' ], [ 'read only', $primary, 'SET default_transaction_read_only = on' ])
{
	my ($title, $node, $before) = @$_;

	attempts($node, 'postgres', "$title: what needs no writing", [
		[ 'blocked', <<'SQL', 'ok' ],
DO $$ BEGIN ASSERT 'blocked' = outcome FROM safe_delete_service(1, 1, '"Shop"."Service"'); END $$
SQL
		[ 'not_found', <<'SQL', 'ok' ],
DO $$ BEGIN ASSERT 'not_found' = outcome FROM safe_delete_service(99, 1, '"Shop"."Service"'); END $$
SQL
		[ 'blocking bookings', <<'SQL', 'ok' ],
DO $$ BEGIN ASSERT 1 = count(*) FROM booking_guard_blocking_bookings(1, 1, '"Shop"."Service"'); END $$
SQL
		[
			'deleted',
			q{SELECT * FROM safe_delete_service(3, 1, '"Shop"."Service"')},
			'25006 cannot execute DELETE in a read-only transaction'
		],
	], before => $before);
}

$standby->promote;
shop_is_guarded($standby, 'postgres', 'promoted', %as_before);

done_testing();
