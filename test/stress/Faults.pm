# What the tests of faults share: a server that syncs to disk, shops on it, the
# load of load.py, and the promise.
package Faults;

use strict;
use warnings;

use Exporter 'import';
use FindBin;
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);

use BookingGuardTest;

our @EXPORT = qw(
  @LAYOUTS
  durable_node
  make_shop
  start_load
  stop_load
  load_ok
  kill_server
  pause
  promise_ok
  answers
  result
);

# A database of its own for each: name, title, partitioned, foreign key, retiring
our @LAYOUTS = (
	[ 'plain', 'plain tables', 0, '', 1 ],
	[ 'plain_fk', 'plain tables, foreign key ON DELETE CASCADE', 0, 'ON DELETE CASCADE', 0 ],
	[ 'parts', 'partitioned tables', 1, '', 1 ],
	[ 'parts_fk', 'partitioned tables, foreign key ON DELETE SET NULL', 1, 'ON DELETE SET NULL ON UPDATE CASCADE', 0 ],
);

my $clients = 12;
my @loads;    # that go on

# A server to which a commit is what it is to anybody.
sub durable_node
{
	my ($name, %params) = @_;

	return new_node($name, %params, conf => <<'CONF' . ($params{conf} || ''));
fsync = on
synchronous_commit = on
max_connections = 50
max_prepared_transactions = 50
deadlock_timeout = 20ms
autovacuum_naptime = 1s
log_statement = none
log_min_error_statement = panic
CONF
}

# A shop with its ledger and its guard; see schema.sql.
sub make_shop
{
	my ($node, $layout) = @_;
	my ($db, $title, $partitioned, $foreign_key, $retiring) = @$layout;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	psql_file_ok($node, $db, "$FindBin::RealBin/schema.sql", "a shop: $title",
		options => [
			'-v', "partitioned=$partitioned", '-v', "foreign_key=$foreign_key",
			'-v', "retiring=$retiring", '-v', 'guarded=1'
		]);
	# what each client was told is committed
	$node->safe_psql($db,
		"CREATE TABLE client AS SELECT id, 0 AS done FROM generate_series(1, $clients) AS id;"
		  . 'ALTER TABLE client ADD PRIMARY KEY (id)');
	return;
}

# The load goes on in the background, through everything, until stop_load().
sub start_load
{
	my ($connstr, $layout, @options) = @_;
	my $load = { out => '', err => '' };

	push @options, '--retiring' if $layout->[4];
	$load->{harness} = IPC::Run::start(
		[ $ENV{PYTHON}, "$FindBin::RealBin/load.py", $connstr, '--clients', $clients, @options ],
		'>', \$load->{out}, '2>', \$load->{err});
	push @loads, $load;
	return $load;
}

# What it counted.
sub stop_load
{
	my ($load) = @_;

	@loads = grep { $_ != $load } @loads;
	$load->{harness}->signal('TERM');
	$load->{harness}->finish or diag($load->{err});
	return decode_json($load->{out});
}

# A test that fails leaves none behind.
END
{
	$_->{harness}->signal('TERM') for @loads;
}

# Test that it met no error but those that are to be expected of a server that
# is killed, and that what was acknowledged was there ever after.  Returns how many
# transactions it did.
sub load_ok
{
	my ($tally, $name) = @_;
	my @unexpected = grep {
		!/ (23503|40001|40P01|55P03|57014|57P0[123]|lost|done|sent)$/
		  && !/^(committed|refused|rolled back|truncate 0A000|complete (42704|55000))$/
	} sort keys %$tally;

	is(join("\n", map { "$tally->{$_} times $_" } @unexpected), '', "$name: no other error");
	return $tally->{committed} + ($tally->{refused} || 0) + ($tally->{'rolled back'} || 0);
}

# SIGKILL to the postmaster and to all its children in the same moment.
sub kill_server
{
	my ($node) = @_;
	my ($pid) = split /\n/, slurp_file($node->data_dir . '/postmaster.pid');

	kill 'STOP', $pid;    # so that it gets no more children
	my @pids = ($pid, split ' ', slurp_file("/proc/$pid/task/$pid/children"));
	kill 'KILL', reverse @pids;
	$node->{_pid} = undef;
	for (1 .. 10 * $PostgreSQL::Test::Utils::timeout_default)
	{
		return scalar @pids unless grep { kill 0, $_ } @pids;
		usleep(100_000);
	}
	die 'they are still there';
}

# Until some moment that nobody chose.
sub pause
{
	my ($from, $to) = @_;

	usleep(1_000_000 * ($from + rand($to - $from)));
	return;
}

sub promise_ok
{
	my ($node, $db, $name) = @_;

	return is($node->safe_psql($db, 'TABLE broken'), '', "$name: no promise is broken");
}

# Statements, one after the other in one session; the SQLSTATE of each, or 'ok'.
sub answers
{
	my ($node, $db, @statements) = @_;
	my $stdout;

	$node->psql($db,
		join('', map { "$_;\n\\if :ERROR\n\\echo :SQLSTATE\n\\else\n\\echo ok\n\\endif\n" } @statements),
		stdout => \$stdout, stderr => \my $stderr, on_error_stop => 0,
		extra_params => [ '-o', File::Spec->devnull ]);
	return split /\n/, $stdout;
}

# A line for the page.
sub result
{
	my ($text) = @_;

	append_to_file($ENV{RESULTS}, "$text\n");
	note($text);
	return;
}

1;
