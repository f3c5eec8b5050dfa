-- What all schemas of a group's database share.
CREATE EXTENSION booking_guard;
CREATE EXTENSION refint;
CREATE TYPE booking_status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
CREATE EXTENSION pg_prewarm; -- to fill the buffers after a restart
