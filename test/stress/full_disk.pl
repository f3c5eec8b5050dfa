# The disk is full in the midst of a guarded delete: an error, and nothing
# lost. $ENV{FULL_DISK} is a small file system of its own.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use Faults;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'only root may mount a small disk' unless $ENV{FULL_DISK};

my $ballast = "$ENV{FULL_DISK}/ballast";

# Fill what is left of the disk; make room again.
sub fill
{
	open my $file, '>>', $ballast or die $!;
	binmode $file;
	1 while syswrite $file, "\0" x 65536;
	1 while syswrite $file, "\0";
	close $file;
	return;
}

sub make_room
{
	unlink $ballast or die $!;
	return;
}

# Tables on that disk. To delete service 1, whose bookings are cancelled, writes
# each of those anew; service 2 is booked, 3 free.
my $node = durable_node('tables');
mkdir "$ENV{FULL_DISK}/tables" or die $!;
$node->safe_psql('postgres', "CREATE TABLESPACE small LOCATION '$ENV{FULL_DISK}/tables'");
$node->safe_psql('postgres', <<'SQL');
CREATE EXTENSION booking_guard;
CREATE TABLE service (id int PRIMARY KEY) TABLESPACE small;
CREATE TABLE booking (id int, service_id int REFERENCES service ON DELETE SET NULL, status text, date timestamptz) TABLESPACE small;
CREATE INDEX ON booking (service_id, date) TABLESPACE small;
INSERT INTO service VALUES (1), (2), (3);
INSERT INTO booking SELECT i, 1, 'CANCELED', '2100-01-01' FROM generate_series(1, 60000) i;
INSERT INTO booking VALUES (0, 2, 'CONFIRMED', '2100-01-01');
CHECKPOINT;
SELECT booking_guard_protect('service', 'booking');
SQL

my $state = 'SELECT (SELECT array_agg(id ORDER BY id) FROM service), (SELECT count(*) FROM booking WHERE service_id = 1),'
  . ' (SELECT count(*) FROM booking b JOIN service s ON s.id = b.service_id WHERE b.id = 0)';

fill();
is(join(' ', answers($node, 'postgres', 'DELETE FROM service WHERE id = 1', 'SELECT 1')),
	'53100 ok', 'DELETE: no space left, and the session goes on');
is(join(' ', answers($node, 'postgres', 'SELECT * FROM safe_delete_service(1)', 'SELECT 1')),
	'53100 ok', 'safe_delete_service(): likewise');
is( join(' ', answers($node, 'postgres', 'BEGIN', 'SAVEPOINT a', 'DELETE FROM service WHERE id = 1', 'ROLLBACK TO a', 'SELECT 1', 'COMMIT')),
	'ok ok 53100 ok ok ok', 'DELETE in a savepoint: the transaction goes on');
is(join(' ', answers($node, 'postgres', 'DELETE FROM service WHERE id = 2', 'SELECT 1')),
	'23503 ok', 'a service that is booked is refused as ever');
is($node->safe_psql('postgres', $state), '{1,2,3}|60000|1', 'nothing is lost');
make_room();
is(join(' ', answers($node, 'postgres', 'VACUUM booking', 'DELETE FROM service WHERE id = 1', 'DELETE FROM service WHERE id = 2')),
	'ok ok 23503', 'with some room again all is as ever');
is($node->safe_psql('postgres', $state), '{2,3}|0|1', 'and nothing is lost');
$node->stop;

# The write-ahead log on that disk: the server itself gives up, under load, and
# is started again.
my $panics = 3;
my $transactions = 0;
PostgreSQL::Test::Utils::system_or_bail('rm', '-rf', "$ENV{FULL_DISK}/tables");
$node = durable_node('log',
	initdb => [ "--waldir=$ENV{FULL_DISK}/log", '--wal-segsize=1' ],
	conf => "min_wal_size = 2MB\nmax_wal_size = 4MB\nwal_recycle = off\n");
make_shop($node, $LAYOUTS[0]);
for my $round (1 .. $panics)
{
	my $load = start_load($node->connstr('plain'), $LAYOUTS[0], '--acknowledged');

	pause(0.5, 1.5);
	# checkpoints make room again, for a while
	while (kill 0, $node->{_pid})
	{
		fill();
		pause(0.02, 0.05);
	}
	$node->{_pid} = undef;
	make_room();
	$node->start;
	promise_ok($node, 'plain', "log full, $round");
	pause(0.3, 1);
	$transactions += load_ok(stop_load($load), "log full, $round");
	promise_ok($node, 'plain', "log full, $round, at the end");
}

result('**Out of disk** in the midst of a guarded delete, whose ON DELETE SET NULL had 60,000 bookings to write: 53100, and with '
	  . "room again it goes through. With the write-ahead log on the full disk the server itself gave up under load, $panics times, "
	  . "and recovered; $transactions transactions.");
done_testing();
