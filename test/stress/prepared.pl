# Prepared transactions, a booker's and a deleter's, outlive a restart, and
# still conflict with whoever comes then.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Faults;
use IPC::Run;
use Test::More;

# Case N is about service N of tenant 1. Its booking N1 is cancelled, N2 past, N3 on another service.
my $setup = <<'SQL';
INSERT INTO service VALUES (1, N);
INSERT INTO booking VALUES (N1, 1, N, 'CANCELED', '2100-01-01'), (N2, 1, N, 'CONFIRMED', '2000-01-01'), (N3, 1, 0, 'CONFIRMED', '2100-01-01')
SQL
my %bookers = (
	book => "INSERT INTO booking VALUES (N4, 1, N, 'CONFIRMED', '2100-01-01')",
	confirm => "UPDATE booking SET status = 'CONFIRMED' WHERE id = N1",
	reschedule => "UPDATE booking SET at = '2100-01-01' WHERE id = N2",
	reassign => 'UPDATE booking SET service_id = N WHERE id = N3',
);
my %deleters = (
	delete => 'DELETE FROM service WHERE id = N',
	safe_delete => 'SELECT outcome FROM safe_delete_service(N, 1)',
	move => 'UPDATE service SET tenant_id = 2 WHERE id = N',
	retire => 'UPDATE service SET retired_at = now() WHERE id = N',
);

my $node = durable_node('prepared', conf => "max_prepared_transactions = 300\n");
my @cases;

for my $layout (@LAYOUTS)
{
	my ($db, undef, undef, $foreign_key, $retires) = @$layout;

	make_shop($node, $layout);
	$node->safe_psql($db, <<'SQL');
TRUNCATE booking, ledger, service, tenant RESTART IDENTITY CASCADE;
INSERT INTO tenant SELECT FROM generate_series(1, 2);
INSERT INTO service VALUES (1, 0);
SQL
	for my $first ('booker', 'deleter')
	{
		for my $booker (sort keys %bookers)
		{
			for my $deleter (sort keys %deleters)
			{
				next if $deleter eq 'retire' && !$retires;
				# a foreign key refuses it anyway, or carries the bookings along
				next if $deleter eq 'move' && $foreign_key;
				push @cases,
				  map { { db => $db, foreign_key => $foreign_key, first => $first, booker => $booker, deleter => $deleter, how => $_ } } 'COMMIT', 'ROLLBACK';
			}
		}
	}
}

my $number = 0;
$_->{number} = ++$number for @cases;

# SQL for a case
sub of
{
	my ($case, $sql) = @_;

	$sql =~ s/\bN/$case->{number}/g;
	return $sql;
}

# Half of them outlive a kill, the others a stop.
for my $parity (0, 1)
{
	my @some = grep { $_->{number} % 4 < 2 == $parity } @cases;

	for my $case (@some)
	{
		my $statement = $case->{first} eq 'booker' ? $bookers{ $case->{booker} } : $deleters{ $case->{deleter} };
		$node->safe_psql($case->{db}, of($case, "$setup; BEGIN; $statement; PREPARE TRANSACTION 'case N'"));
	}
	if   ($parity) { kill_server($node) }
	else           { $node->stop('fast') }
	$node->start;

	for my $case (@some)
	{
		my ($db, $first) = @$case{qw(db first)};
		my $statement = of($case, $first eq 'booker' ? $deleters{ $case->{deleter} } : $bookers{ $case->{booker} });
		my $title = "$db: $case->{booker} and $case->{deleter}, the $first prepared, $case->{how}";
		my $out = '';

		my @answers = answers($node, $db, 'SET lock_timeout = 10', $statement);
		is($answers[1], '55P03', "$title: the other has to wait");

		# now it does, until the first is done
		my $waiter = IPC::Run::start(
			[ 'psql', '-XqAt', '-v', 'VERBOSITY=sqlstate', '-d', $node->connstr($db), '-c', $statement ],
			'>', \$out, '2>&1');
		$node->poll_query_until('postgres',
			"SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'client backend' AND wait_event_type = 'Lock'")
		  or die "nobody waits: $title";
		$node->safe_psql($db, of($case, "$case->{how} PREPARED 'case N'"));
		$waiter->finish;

		my $is_safe = $first eq 'booker' && $case->{deleter} eq 'safe_delete';
		# what the foreign key did to the old booking: deleted it, or took its service from it
		my $is_changed = $first eq 'deleter' && $case->{foreign_key} && $case->{booker} =~ /confirm|reschedule/;
		my $expected =
			$case->{how} eq 'ROLLBACK' ? ($is_safe ? "deleted\n" : '')
		  : $is_safe ? "blocked\n"
		  : $is_changed ? ''
		  : "ERROR:  23503\n";
		is($out, $expected, "$title: and is told what came of it");
	}
	promise_ok($node, $_->[0], "$_->[0], half of the cases") for @LAYOUTS;
}

result('**Prepared transactions** of bookers and of deleters **left over a restart**, after SIGKILL or not, then committed or '
	  . 'rolled back while the other waits: ' . @cases . ' cases.');
done_testing();
