-- A trigger that does nothing, where the guard has its own on the bookings.
\getenv directory PGHOST
\set library :directory /noop
CREATE FUNCTION noop() RETURNS trigger LANGUAGE c AS :'library';
CREATE CONSTRAINT TRIGGER noop AFTER INSERT OR UPDATE ON booking FOR EACH ROW EXECUTE FUNCTION noop();
