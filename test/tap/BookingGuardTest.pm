# What the TAP tests share: a shop with guards of every kind, and ways to look
# at it.  Everything here is bytes: text is UTF-8 all the way.
package BookingGuardTest;

use strict;
use warnings;

use Exporter 'import';
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(
  new_node
  shop_sql
  run_ok
  dump_file
  dump_text
  same_dump
  psql_file_ok
  guards
  health
  attempts
  shop_attempts
  shop_is_guarded
  remains
);

# A running server that speaks UTF-8, whatever the environment says.
sub new_node
{
	my ($name, %params) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name, %{ $params{new} || {} });

	$node->init(
		%{ $params{init} || {} },
		extra => [ '--encoding=UTF8', '--locale=C.UTF-8', @{ $params{initdb} || [] } ]);
	$node->append_conf('postgresql.conf', "timezone = 'UTC'\n");
	$node->append_conf('postgresql.conf', $params{conf}) if $params{conf};
	$node->start unless $params{stopped};
	return $node;
}

# A database's tables, guards and rows, with what dumps may stumble over:
# quoted names, keys of several columns, several guards on one table, with a
# foreign key and without, statuses with quotes, commas, a backslash and a
# line break, labels that are not ASCII, partitions, two schemas.
# $schema is where the extension is; $version whose options the guards may have.
sub shop_sql
{
	my ($schema, $version) = @_;
	$schema ||= 'public';
	my ($retire, $warn) = (",\n\tretire_column => 'deletedAt'", ", mode => 'warn'");
	$retire = $warn = '' if ($version || '') eq '1.0';

	return <<"SHOP";
SET client_min_messages = error;
CREATE SCHEMA "Shop";
SET search_path = "Shop";

CREATE TYPE "BookingStatus" AS ENUM
	('PENDING', 'CONFIRMED', 'on hold, "maybe"', 'it''s off', 'bestätigt');
CREATE TABLE "Service" (
	"tenantId" int,
	id int,
	name text,
	"deletedAt" timestamptz,
	PRIMARY KEY ("tenantId", id)
);
CREATE TABLE "Staff" (id bigint PRIMARY KEY, name text);
CREATE TABLE "Booking" (
	id int PRIMARY KEY,
	"tenantId" int,
	"serviceId" int,
	"staffId" bigint,
	"assistantId" bigint REFERENCES "Staff" ON DELETE SET NULL,
	status "BookingStatus",
	date timestamptz,
	FOREIGN KEY ("tenantId", "serviceId") REFERENCES "Service" ON DELETE CASCADE
);
CREATE INDEX ON "Booking" ("tenantId", "serviceId", date);
CREATE INDEX ON "Booking" ("staffId");
INSERT INTO "Service" VALUES (1, 1, 'cut'), (1, 2, 'colour'), (1, 3, 'free'), (2, 1, 'cut');
INSERT INTO "Staff" SELECT generate_series(1, 5);
INSERT INTO "Booking" VALUES
	(1, 1, 1, 1, 2, 'on hold, "maybe"', '2100-01-01'),
	(2, 1, 2, 3, NULL, 'it''s off', '2100-01-01'),
	(3, 1, 2, NULL, NULL, 'bestätigt', '2100-01-01'),
	(4, 2, 1, 4, 5, 'CONFIRMED', '2000-01-01');
SELECT $schema.booking_guard_protect('"Service"', '"Booking"',
	tenant_column => 'tenantId', label => 'Dienst für Gäste', booking_label => 'Buchung',
	blocking_statuses => ARRAY['PENDING', 'CONFIRMED', 'on hold, "maybe"', 'bestätigt']$retire);
SELECT $schema.booking_guard_protect('"Staff"', '"Booking"', ARRAY['staffId'],
	label => 'member of staff', free_statuses => ARRAY['it''s off'],
	time_zone => 'Europe/Berlin', keep_attached => false);
SELECT $schema.booking_guard_protect('"Staff"', '"Booking"', ARRAY['assistantId'],
	label => 'assistant', booking_label => 'visit');

CREATE TABLE "Room" (tenant text, no int, PRIMARY KEY (tenant, no)) PARTITION BY LIST (tenant);
CREATE TABLE "Room a" PARTITION OF "Room" FOR VALUES IN ('a');
CREATE TABLE "Room rest" PARTITION OF "Room" DEFAULT;
CREATE TABLE "Stay" (id int, tenant text, room int, state text, "from" date, note text)
	PARTITION BY RANGE ("from");
CREATE TABLE "Stay past" PARTITION OF "Stay" FOR VALUES FROM (MINVALUE) TO ('2020-01-01');
CREATE TABLE "Stay ahead" ("from" date, note text, state text, room int, id int, tenant text);
ALTER TABLE "Stay" ATTACH PARTITION "Stay ahead" FOR VALUES FROM ('2020-01-01') TO (MAXVALUE);
CREATE INDEX ON "Stay" (tenant, room);
INSERT INTO "Room" VALUES ('a', 1), ('a', 2), ('b', 1), ('b', 2);
INSERT INTO "Stay" VALUES
	(1, 'a', 1, 'd''accord', '2100-01-01'),
	(2, 'a', 2, 'd''accord', '2000-01-01'),
	(3, 'b', 1, E'back\\\\slash, "quote"', '2100-01-01'),
	(4, 'b', 2, 'no', '2100-01-01');
SELECT $schema.booking_guard_protect('"Room"', '"Stay"', ARRAY['tenant', 'room'],
	label => 'Zimmer', booking_label => 'Übernachtung',
	status_column => 'state', time_column => 'from',
	blocking_statuses => ARRAY['d''accord', E'back\\\\slash, "quote"', E'two\\nlines', '\$1 {a,b}']);

CREATE TABLE "Tour" (id int PRIMARY KEY);
CREATE TABLE "Seat" (id int, "tourId" int);
INSERT INTO "Tour" VALUES (1), (2);
INSERT INTO "Seat" VALUES (1, 1);
SELECT $schema.booking_guard_protect('"Tour"', '"Seat"', ARRAY['tourId'],
	status_column => NULL, time_column => NULL, label => 'tour'$warn);

CREATE SCHEMA "Left";
CREATE SCHEMA "right.hand";
CREATE TABLE "right.hand"."Desk" (id int PRIMARY KEY);
CREATE TABLE "Left"."Reservation" (
	id int PRIMARY KEY,
	"desk ""id""" int,
	status text,
	date date
);
CREATE INDEX ON "Left"."Reservation" ("desk ""id""");
INSERT INTO "right.hand"."Desk" VALUES (1), (2);
INSERT INTO "Left"."Reservation" VALUES (1, 1, 'PENDING', '2100-01-01'), (2, 2, 'PENDING', '2000-01-01');
SELECT $schema.booking_guard_protect('"right.hand"."Desk"', '"Left"."Reservation"',
	ARRAY['desk "id"'], label => 'desk', booking_label => 'reservation');
SHOP
}

# What ought to happen in a guarded shop.
my @shop_attempts = (
	[
		'delete a booked service',
		q{DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 1)},
		'23503 Cannot delete Dienst für Gäste with 1 upcoming Buchung.'
	],
	[
		'delete a service with a status beyond ASCII',
		q{DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 2)},
		'23503 Cannot delete Dienst für Gäste with 1 upcoming Buchung.'
	],
	[
		'retire a booked service',
		q{UPDATE "Shop"."Service" SET "deletedAt" = now() WHERE ("tenantId", id) = (1, 1)},
		'23503 Cannot retire Dienst für Gäste with 1 upcoming Buchung.',
		'1.1'
	],
	[
		'delete a booked tour, whose guard only warns',
		q{DELETE FROM "Shop"."Tour" WHERE id = 1},
		'ok',
		'1.1'
	],
	[
		'delete a service without bookings',
		q{DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (1, 3)},
		'ok'
	],
	[
		'delete a service with a past booking',
		q{DELETE FROM "Shop"."Service" WHERE ("tenantId", id) = (2, 1)},
		'ok'
	],
	[
		'change the key of a booked service',
		q{UPDATE "Shop"."Service" SET id = 9 WHERE ("tenantId", id) = (1, 1)},
		'23503 Cannot change the key of Dienst für Gäste with 1 upcoming Buchung.'
	],
	[
		'truncate the services',
		q{TRUNCATE "Shop"."Service", "Shop"."Staff" CASCADE},
		'ok'
	],
	[
		'delete a booked member of staff',
		q{DELETE FROM "Shop"."Staff" WHERE id = 1},
		'23503 Cannot delete member of staff with 1 upcoming booking.'
	],
	[
		'delete a booked assistant',
		q{DELETE FROM "Shop"."Staff" WHERE id = 2},
		'ok'
	],
	[
		'delete a member of staff whose booking is off',
		q{DELETE FROM "Shop"."Staff" WHERE id = 3},
		'ok'
	],
	[
		'book a member of staff who is not there',
		q{INSERT INTO "Shop"."Booking" VALUES (9, 1, 1, 99, 1, 'CONFIRMED', '2100-01-01')},
		'23503 Cannot save upcoming booking: its member of staff does not exist.'
	],
	[
		'book a service that is there',
		q{INSERT INTO "Shop"."Booking" VALUES (9, 1, 1, 1, 1, 'CONFIRMED', '2100-01-01')},
		'ok'
	],
	[
		'delete a booked room',
		q{DELETE FROM "Shop"."Room" WHERE (tenant, no) = ('a', 1)},
		'23503 Cannot delete Zimmer with 1 upcoming Übernachtung.'
	],
	[
		'delete a room booked with an odd status, in its partition',
		q{DELETE FROM "Shop"."Room rest" WHERE (tenant, no) = ('b', 1)},
		'23503 Cannot delete Zimmer with 1 upcoming Übernachtung.'
	],
	[
		'delete a room with a past stay',
		q{DELETE FROM "Shop"."Room" WHERE (tenant, no) = ('a', 2)},
		'ok'
	],
	[
		'delete a room whose stay is off',
		q{DELETE FROM "Shop"."Room" WHERE (tenant, no) = ('b', 2)},
		'ok'
	],
	[
		'book a room that is not there',
		q{INSERT INTO "Shop"."Stay" VALUES (9, 'a', 9, E'two\nlines', '2100-01-01')},
		'23503 Cannot save upcoming Übernachtung: its Zimmer does not exist.'
	],
	[
		'truncate the rooms',
		q{TRUNCATE "Shop"."Room"},
		qr/^23503 Cannot truncate table .*"Room" with 2 upcoming Übernachtungs\.$/
	],
	[
		'delete a reserved desk',
		q{DELETE FROM "right.hand"."Desk" WHERE id = 1},
		'23503 Cannot delete desk with 1 upcoming reservation.'
	],
	[
		'delete a free desk',
		q{DELETE FROM "right.hand"."Desk" WHERE id = 2},
		'ok'
	],
	[
		'reserve a desk that is not there',
		q{INSERT INTO "Left"."Reservation" VALUES (9, 9, 'PENDING', '2100-01-01')},
		'23503 Cannot save upcoming reservation: its desk does not exist.'
	],
);

sub shop_attempts
{
	return @shop_attempts;
}

# Run a command; a test that it succeeds and complains of nothing.  Returns
# what it wrote.
sub run_ok
{
	my ($cmd, $name) = @_;
	my ($stdout, $stderr) = ('', '');
	my $ok = IPC::Run::run($cmd, '>', \$stdout, '2>', \$stderr);
	my @complaints = grep { !/NOTICE:|already exists, skipping/ } split /\n/, $stderr;

	ok($ok && !@complaints, $name) or diag(join ' ', @$cmd), diag($stderr);
	return $stdout;
}

my $dumps = 0;

# The name of a new file with a dump.
sub dump_file
{
	my ($node, $db, @options) = @_;
	my $file = $PostgreSQL::Test::Utils::tmp_check . '/dump' . ++$dumps . "_$$";

	run_ok(
		[
			$node->installed_command('pg_dump'), @options,
			'--file', $file, '--dbname', $node->connstr($db)
		],
		"pg_dump @options");
	return $file;
}

# A dump without what differs from one run to the next.
sub dump_text
{
	my ($node, $db, @options) = @_;
	my $text = slurp_file(dump_file($node, $db, @options));

	$text =~ s/^\\(un)?restrict .*\n//mg;
	$text =~ s/^-- Dumped from database version .*\n//m;
	return $text;
}

# Test that two dumps are the same text; show where they part, not all of them.
sub same_dump
{
	my ($got, $expected, $name) = @_;

	if ($got eq $expected)
	{
		pass($name);
		return;
	}
	my @got = split /\n/, $got;
	my @expected = split /\n/, $expected;
	my $i = 0;
	$i++ while $i < @got && $i < @expected && $got[$i] eq $expected[$i];
	fail($name);
	diag(join "\n", "from line $i:", (map { "got:      $_" } grep { defined } @got[ $i .. $i + 3 ]),
		map { "expected: $_" } grep { defined } @expected[ $i .. $i + 3 ]);
	return;
}

# Feed a file to psql; the first error ends it.
sub psql_file_ok
{
	my ($node, $db, $file, $name, %params) = @_;

	run_ok(
		[
			$node->installed_command('psql'), '-XqAt',
			'-v', 'ON_ERROR_STOP=1',
			@{ $params{options} || [] }, '-o', File::Spec->devnull, '-f', $file,
			'-d', $node->connstr($db) . ($params{user} ? " user=$params{user}" : '')
		],
		$name);
	return;
}

sub guards
{
	my ($node, $db, $schema) = @_;
	$schema ||= 'public';

	return $node->safe_psql($db,
		"SET client_encoding = 'UTF8';"
		  . "SELECT * FROM $schema.booking_guards ORDER BY service_table COLLATE \"C\", booking_table, guard");
}

# The findings, without the schema in which their fixes call our functions.
sub health
{
	my ($node, $db, $schema) = @_;
	$schema ||= 'public';

	my $findings = $node->safe_psql($db,
		"SET client_encoding = 'UTF8';"
		  . "SELECT * FROM $schema.booking_guard_health() h ORDER BY h::text COLLATE \"C\"");
	$findings =~ s/\Q$schema\E\.booking_guard/booking_guard/g;
	return $findings;
}

# Try statements, each [name, SQL, expected], one after the other and each
# undone.  Expected is 'ok' or SQLSTATE and message.
sub attempts
{
	my ($node, $db, $title, $attempts, %params) = @_;
	my $script = "SET client_encoding = 'UTF8';\nSET client_min_messages = error;\n";
	my ($stdout, $stderr);

	$script .= $params{before} . ";\n" if $params{before};
	$script .= <<"ATTEMPT" for @$attempts;
BEGIN;
$_->[1];
\\if :ERROR
\\echo :SQLSTATE :LAST_ERROR_MESSAGE
\\else
SET CONSTRAINTS ALL IMMEDIATE;
\\if :ERROR
\\echo deferred :SQLSTATE :LAST_ERROR_MESSAGE
\\else
\\echo ok
\\endif
\\endif
ROLLBACK;
ATTEMPT
	$node->psql($db, $script,
		stdout => \$stdout, stderr => \$stderr, on_error_stop => 0,
		($params{user} ? (connstr => $node->connstr($db) . " user=$params{user}") : ()));
	my @lines = split /\n/, $stdout;

	subtest $title => sub {
		is(scalar @lines, scalar @$attempts, 'one answer each') or diag($stdout, $stderr);
		for my $attempt (@$attempts)
		{
			my $line = shift @lines;
			my $is_like = ref $attempt->[2] ? \&like : \&is;
			$is_like->($line, $attempt->[2], $attempt->[0]);
		}
	};
	return;
}

# The shop in this database is guarded as that of another database is.
# $params{version} is whose options its guards have, if not the newest's.
sub shop_is_guarded
{
	my ($node, $db, $title, %params) = @_;
	my $schema = $params{schema};

	attempts($node, $db, "$title: guards at work",
		[
			grep { !$params{only} || $_->[1] =~ $params{only} }
			grep { !$_->[3] || ($params{version} || $_->[3]) ge $_->[3] } @shop_attempts
		],
		%params);
	if (defined $params{guards})
	{
		is(guards($node, $db, $schema), $params{guards}, "$title: booking_guards");
	}
	if (defined $params{health})
	{
		is(health($node, $db, $schema), $params{health}, "$title: booking_guard_health()");
	}
	return;
}

# What there is in the catalogs of guards and of the extension.
sub remains
{
	my ($node, $db) = @_;

	return $node->safe_psql($db, <<'SQL');
SELECT 'trigger', tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ '^(BG_|zz_)'
UNION ALL
SELECT 'constraint', conrelid::regclass, conname FROM pg_constraint WHERE contype = 't'
UNION ALL
SELECT 'event trigger', NULL, evtname FROM pg_event_trigger
UNION ALL
SELECT 'function', NULL, proname FROM pg_proc WHERE probin ~ 'booking_guard'
UNION ALL
SELECT 'relation', oid::regclass, relname FROM pg_class WHERE relname ~ 'booking_guard'
UNION ALL
SELECT 'extension', NULL, extname FROM pg_extension WHERE extname <> 'plpgsql'
UNION ALL
SELECT 'dependency', NULL, d::text FROM pg_depend d
WHERE classid = 'pg_trigger'::regclass AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.oid = objid)
ORDER BY 1, 2, 3
SQL
}

1;
