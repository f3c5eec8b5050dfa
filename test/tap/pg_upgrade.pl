# pg_upgrade keeps the guards: from each installed version of PostgreSQL to the
# newest one, as far as booking_guard is installed for them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;
use BookingGuardTest;
use PostgreSQL::Test::Utils;
use Test::More;

# Installations that have the extension, by version.
my %install_path;
for my $bindir (glob '/usr/lib/postgresql/*/bin')
{
	next unless -x "$bindir/initdb" && -x "$bindir/pg_upgrade" && -x "$bindir/pg_config";
	my ($version) = `$bindir/pg_config --version` =~ /^PostgreSQL (\d+)/;
	chomp(my ($libdir, $sharedir) = `$bindir/pg_config --pkglibdir --sharedir`);
	next unless $version && -f "$libdir/booking_guard.so" && -f "$sharedir/extension/booking_guard.control";
	($install_path{$version} = $bindir) =~ s{/bin$}{};
}
my ($newest, @older) = sort { $b <=> $a } keys %install_path;
plan skip_all => 'pg_upgrade needs booking_guard installed for two versions of PostgreSQL, and found it for '
  . ($newest ? "$newest only" : 'none')
  unless @older;

# A node of a version, ready to be upgraded to or from.
sub node_of_version
{
	my ($version, $name) = @_;

	return new_node($name,
		new => { install_path => $install_path{$version} },
		# the default since 18, and both have to have it or not
		initdb => $version >= 18 ? ['--no-data-checksums'] : [],
		stopped => 1);
}

for my $version (reverse @older)
{
	my $title = "$version to $newest";
	my $old = node_of_version($version, "from_$version");
	my $new = node_of_version($newest, "to_${newest}_from_$version");

	$old->start;
	$old->safe_psql('postgres', 'CREATE DATABASE shop');
	$old->safe_psql('shop', 'CREATE SCHEMA ext; CREATE EXTENSION booking_guard SCHEMA ext');
	$old->safe_psql('shop', shop_sql('ext'));
	$old->safe_psql('shop', 'REVOKE EXECUTE ON FUNCTION ext.booking_guard_unprotect FROM PUBLIC');
	my %as_before = (
		schema => 'ext',
		guards => guards($old, 'shop', 'ext'),
		health => health($old, 'shop', 'ext'));
	shop_is_guarded($old, 'shop', "$title, before", %as_before);

	# one whose extension nobody has updated
	$old->safe_psql('postgres', 'CREATE DATABASE old_shop');
	$old->safe_psql('old_shop', "CREATE EXTENSION booking_guard VERSION '1.0'");
	$old->safe_psql('old_shop', shop_sql(undef, '1.0'));

	# as the new version's pg_dump has it
	my $dump = sub {
		my ($node) = @_;
		local $ENV{PATH} = "$install_path{$newest}/bin:$ENV{PATH}";
		local $old->{_install_path} = $install_path{$newest};
		return dump_text($node, 'shop');
	};
	my $text = $dump->($old);
	$old->stop;

	$new->command_ok(
		[
			'pg_upgrade', '--no-sync', '--jobs=2',
			'--old-bindir', "$install_path{$version}/bin",
			'--new-bindir', "$install_path{$newest}/bin",
			'--old-datadir', $old->data_dir, '--new-datadir', $new->data_dir,
			'--old-port', $old->port, '--new-port', $new->port,
			'--socketdir', $new->host
		],
		"pg_upgrade from $title");
	$new->start;
	like($new->safe_psql('shop', 'SHOW server_version'), qr/^$newest\b/, "$title: a server of version $newest");

	shop_is_guarded($new, 'shop', "$title, after", %as_before);
	same_dump($dump->($new), $text, "$title: the same dump");
	is(guards($new, 'shop', 'ext'), $as_before{guards}, "$title: the same guards");

	shop_is_guarded($new, 'old_shop', "$title, extension 1.0", version => '1.0');
	$new->safe_psql('old_shop', 'ALTER EXTENSION booking_guard UPDATE');
	shop_is_guarded($new, 'old_shop', "$title, extension updated afterwards", version => '1.0');

	# The event triggers are at work, too, and nothing of the extension is lost.
	$new->safe_psql('shop', 'DROP TABLE "Left"."Reservation"');
	is( $new->safe_psql('shop', 'SELECT count(*) FROM pg_trigger WHERE tgrelid = \'"right.hand"."Desk"\'::regclass'),
		0, "$title: a dropped table takes its guards along");
	$new->safe_psql('shop', 'DROP SCHEMA ext CASCADE');
	is(remains($new, 'shop'), '', "$title: nothing remains of a dropped extension");
	$new->stop;
}

done_testing();
