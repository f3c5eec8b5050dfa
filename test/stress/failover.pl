# The primary is killed under load, at random moments, and its synchronous
# standby promoted in its place.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Cluster;
use Test::More;

my $kills = int(($ENV{KILLS} || 20) / 2) || 1;
my $transactions = 0;

# A standby that has all that its primary has said is committed.
sub standby_of
{
	my ($primary, $name) = @_;

	$primary->backup($name);
	my $standby = PostgreSQL::Test::Cluster->new($name);
	$standby->init_from_backup($primary, $name, has_streaming => 1);
	$standby->start;
	$primary->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'")
	  or die 'the standby does not follow';
	return $standby;
}

my $primary = durable_node('node_0', init => { allows_streaming => 1 });
make_shop($primary, $_) for @LAYOUTS;
my $standby = standby_of($primary, 'node_1');
$primary->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$standby->append_conf('postgresql.conf', "synchronous_standby_names = '*'");
$_->reload for $primary, $standby;

for my $round (1 .. $kills)
{
	my $layout = $LAYOUTS[ $round % @LAYOUTS ];
	my ($db, $title) = @$layout;
	my $hosts = join ',', $primary->host, $standby->host;
	my $ports = join ',', $primary->port, $standby->port;
	# calm: who cancels the wait for a standby is told that the commit may not be there
	my $load = start_load("host=$hosts port=$ports dbname=$db target_session_attrs=read-write",
		$layout, '--acknowledged', '--calm');

	pause(0.5, 3);
	kill_server($primary);
	$standby->promote;
	$standby->poll_query_until('postgres', 'SELECT NOT pg_is_in_recovery()') or die 'it is not promoted';
	$primary->clean_node;
	$primary = $standby;
	# Until it has a standby no commit returns: whoever commits a TRUNCATE lets nobody look.
	$standby = standby_of($primary, 'node_' . ($round + 1));
	promise_ok($primary, $db, "promotion $round, $title");
	pause(0.3, 1);
	$transactions += load_ok(stop_load($load), "promotion $round, $title");
	promise_ok($primary, $db, "promotion $round, $title, at the end");
}

result("**The primary killed so under load, and its synchronous standby promoted, $kills times**; then the next standby, "
	  . "and so on. $transactions transactions.");
done_testing();
