# CREATE DATABASE ... TEMPLATE: the copy is guarded, by whichever strategy.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');

$node->safe_psql('postgres', 'CREATE DATABASE shop');
$node->safe_psql('shop', 'CREATE EXTENSION booking_guard');
$node->safe_psql('shop', shop_sql());
my %as_before = (guards => guards($node, 'shop'), health => health($node, 'shop'));
my $text = dump_text($node, 'shop');

for my $strategy (qw(wal_log file_copy))
{
	$node->safe_psql('postgres', "CREATE DATABASE $strategy TEMPLATE shop STRATEGY $strategy");
	shop_is_guarded($node, $strategy, $strategy, %as_before);
	same_dump(dump_text($node, $strategy), $text, "$strategy: the same dump");
}

# What is done in the copy is not done in the original.
$node->safe_psql('wal_log', 'DROP EXTENSION booking_guard CASCADE');
is(remains($node, 'wal_log'), '', 'nothing remains of the extension in the one copy');
shop_is_guarded($node, 'shop', 'the original', %as_before);
shop_is_guarded($node, 'file_copy', 'the other copy', %as_before);

# One that was made from a copy's template is created with the extension.
$node->safe_psql('template1', 'CREATE EXTENSION booking_guard');
$node->safe_psql('postgres', 'CREATE DATABASE new');
$node->safe_psql('new', shop_sql());
shop_is_guarded($node, 'new', 'a new database', %as_before);

done_testing();
