# The server is killed under load, at random moments, and started again.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use Faults;
use Test::More;

my $kills = $ENV{KILLS} || 20;
my $node = durable_node('killed');
my ($transactions, $processes) = (0, 0);

make_shop($node, $_) for @LAYOUTS;

for my $round (1 .. $kills)
{
	my $layout = $LAYOUTS[ $round % @LAYOUTS ];
	my ($db, $title) = @$layout;
	my $load = start_load($node->connstr($db), $layout, '--acknowledged');

	pause(0.5, 3);
	$processes += kill_server($node);
	$node->start;
	promise_ok($node, $db, "kill $round, $title");
	pause(0.3, 1);    # the clients come back, and look for what they were told
	$transactions += load_ok(stop_load($load), "kill $round, $title");
	promise_ok($node, $db, "kill $round, $title, at the end");
}

for my $layout (@LAYOUTS)
{
	is(health($node, $layout->[0]) =~ /error/ ? 'error' : 'fine', 'fine', "$layout->[1]: booking_guard_health()");
}

result("**SIGKILL to the postmaster and all its children, under load, $kills times**, and started again. "
	  . "$processes processes killed, $transactions transactions. `fsync` and `synchronous_commit` on.");
done_testing();
