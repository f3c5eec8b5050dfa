# A tenant with a guard of its own is not deleted while it has upcoming bookings,
# whichever of its foreign keys is older; and so after a dump and restore, which
# makes the foreign keys, and numbers their triggers, in an order of its own.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

my $node = new_node('main');

my %foreign_keys = (
	services =>
	  'ALTER TABLE "Service" ADD CONSTRAINT %s FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE CASCADE',
	bookings =>
	  'ALTER TABLE "Booking" ADD CONSTRAINT %s FOREIGN KEY ("tenantId") REFERENCES "Tenant" ON DELETE CASCADE');

my @attempts = (
	[
		'delete a tenant with a booking',
		'DELETE FROM "Tenant" WHERE id = 1',
		'23503 Cannot delete tenant with 1 upcoming booking.'
	],
	[ 'delete a tenant without', 'DELETE FROM "Tenant" WHERE id = 2', 'ok' ],
	[
		'delete the bookings, then the tenant',
		'DELETE FROM "Booking" WHERE "tenantId" = 1; DELETE FROM "Tenant" WHERE id = 1',
		'ok'
	]);

# The older key first, and by name as well: a dump sorts them by name.
for my $order ([qw(services bookings)], [qw(bookings services)])
{
	my $db = "older_$order->[0]";
	my $sql = <<'SQL';
CREATE EXTENSION booking_guard;
CREATE TABLE "Tenant" (id int PRIMARY KEY);
CREATE TABLE "Service" (id int PRIMARY KEY, "tenantId" int);
CREATE TABLE "Booking" (id int PRIMARY KEY, "tenantId" int, "serviceId" int, status text, date timestamptz);
CREATE INDEX ON "Booking" ("serviceId");
CREATE INDEX ON "Booking" ("tenantId");
INSERT INTO "Tenant" VALUES (1), (2);
INSERT INTO "Service" VALUES (1, 1), (2, 2);
INSERT INTO "Booking" VALUES (1, 1, 1, 'CONFIRMED', '2100-01-01'), (2, 2, 2, 'CANCELLED', '2100-01-01');
SQL
	my $name = 'a';
	$sql .= sprintf($foreign_keys{$_}, $name++) . ";\n" for @$order;
	$sql .= <<'SQL';
ALTER TABLE "Booking" ADD FOREIGN KEY ("serviceId") REFERENCES "Service" ON DELETE CASCADE;
SELECT booking_guard_protect('"Service"', '"Booking"');
SELECT booking_guard_protect('"Tenant"', '"Booking"', label => 'tenant');
SQL

	$node->safe_psql('postgres', "CREATE DATABASE $db");
	$node->safe_psql($db, $sql);
	attempts($node, $db, $db, \@attempts);

	my $file = dump_file($node, $db);
	$node->safe_psql('postgres', "CREATE DATABASE ${db}_restored");
	psql_file_ok($node, "${db}_restored", $file, "$db: restored");
	attempts($node, "${db}_restored", "$db, restored", \@attempts);
}

done_testing();
