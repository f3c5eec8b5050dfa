# Statements that delete a service, or make a guard, are stopped at many
# different moments, and nothing is left of them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Faults;
use Test::More;

my $node = durable_node('stopped');
my %stopped;

# What a stopped statement could leave behind: locks, a subtransaction, another
# user, a setting, an open query. Asked in the same session, in the same transaction.
my $before = <<'SQL';
CREATE TEMPORARY TABLE state AS SELECT user AS who, session_user AS login, current_setting('search_path') AS path
SQL
my $after = <<'SQL';
DO $$ BEGIN
	ASSERT (SELECT who = user AND login = session_user AND path = current_setting('search_path') FROM state), 'another user';
	ASSERT NOT EXISTS (SELECT FROM pg_locks WHERE pid = pg_backend_pid()
		AND (locktype = 'tuple' OR relation IN ('service'::regclass, 'booking'::regclass))), 'a lock';
	ASSERT NOT EXISTS (SELECT FROM pg_cursors), 'an open query';
END $$
SQL

# A service with so many bookings that to count them takes a while, whichever way.
sub shop_of_many
{
	my ($db, $foreign_key) = @_;

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, <<"SQL");
CREATE EXTENSION booking_guard;
CREATE TABLE service (id int PRIMARY KEY);
CREATE TABLE booking (id int, service_id int $foreign_key, status text, date timestamptz);
INSERT INTO service VALUES (1), (2), (3);
INSERT INTO booking SELECT i, 1, 'CANCELED', '2100-01-01' FROM generate_series(1, 100000) i;
INSERT INTO booking SELECT i, 2, 'CONFIRMED', '2100-01-01' FROM generate_series(1, 50000) i;
VACUUM ANALYZE;
SQL
	$node->safe_psql($db, "SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'])");
	return;
}

my %statements = (
	'DELETE' => 'DELETE FROM service WHERE id = 1',
	'DELETE, refused' => 'DELETE FROM service WHERE id = 2',
	'safe_delete_service()' => 'SELECT * FROM safe_delete_service(1)',
	'safe_delete_service(), blocked' => 'SELECT * FROM safe_delete_service(2)',
	'TRUNCATE' => 'TRUNCATE service',
	'protect' => "SELECT booking_guard_protect('service', 'booking', ARRAY['service_id'], or_replace => true, label => 'Dienst')",
);

for my $foreign_key ('', 'REFERENCES service ON DELETE SET NULL')
{
	my $db = $foreign_key ? 'many_fk' : 'many';
	shop_of_many($db, $foreign_key);

	for my $name (sort keys %statements)
	{
		next if $name eq 'TRUNCATE' && $foreign_key;    # refused by the server itself
		my $statement = $statements{$name};

		# from 1 ms up to the time that it takes, and some more
		my $rounds = 0;
		my $done = 0;
		for (my $ms = 1; $ms <= 2000 && $done < 3; $ms += 1 + int($ms / 20))
		{
			my @answers = answers($node, $db, $before, 'BEGIN', "SET LOCAL statement_timeout = $ms", 'SAVEPOINT a', $statement,
				'ROLLBACK TO a',    # a timeout at the very end of a statement may stop this instead
				'ROLLBACK TO a', 'SET LOCAL statement_timeout = 0', $after,
				'DELETE FROM service WHERE id = 3', 'ROLLBACK');
			my $answer = $answers[4];

			$rounds++;
			if ($answer eq '57014')
			{
				$stopped{$name}++;
			}
			else
			{
				$done++;
				my $expected = $name =~ /refused|TRUNCATE/ ? '23503' : 'ok';
				is($answer, $expected, "$name under $ms ms") unless $answer eq $expected;
			}
			my $all = "ok ok ok ok $answer $answers[5] ok ok ok ok ok";
			is("@answers", $all, "$name under $ms ms: the session goes on") unless "@answers" eq $all;
		}
		cmp_ok($done, '==', 3, "$name: stopped at $rounds moments, then not any more");
		is($node->safe_psql($db, 'SELECT count(*) FROM service'), 3, "$name: all services are there");
		is($node->safe_psql($db, "SELECT count(*) FROM booking WHERE service_id = 2 AND status = 'CONFIRMED'"),
			50000, "$name: all bookings are there");
		is($node->safe_psql($db, "SELECT count(*) FROM booking_guards WHERE label = 'service'"), 1, "$name: the guard is as it was");
	}
}

# And while others book.
make_shop($node, $LAYOUTS[0]);
my $load = start_load($node->connstr('plain'), $LAYOUTS[0]);
my %answers;
for my $round (1 .. 300)
{
	my $ms = 1 + $round % 10;
	my @answers = answers($node, 'plain', "SET statement_timeout = $ms",
		'DELETE FROM service', 'SELECT safe_delete_service(id, tenant_id) FROM service',
		'SET statement_timeout = 0', 'SET statement_timeout = 0', $before, $after);    # the first may take too long
	is("@answers[4 .. 6]", 'ok ok ok', "under load, $ms ms: the session goes on") unless "@answers[4 .. 6]" eq 'ok ok ok';
	$answers{$_}++ for @answers[ 1, 2 ];
}
load_ok(stop_load($load), 'timeouts under load');
promise_ok($node, 'plain', 'timeouts under load');
cmp_ok($answers{57014} || 0, '>', 0, 'timeouts under load: some were stopped');
is(join(' ', grep { !/^(ok|57014|23503|40P01|57P01)$/ } keys %answers), '', 'timeouts under load: no other error');

result('**Statement timeouts** from 1 ms up to what the statement takes: stopped '
	  . join(', ', map { "$_ $stopped{$_} times" } sort keys %stopped)
	  . ", and $answers{57014} deletes of all services under load. Each time the session went on, and nothing was left of it.");
done_testing();
