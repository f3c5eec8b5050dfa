-- What all schemas of a group's database share.
CREATE EXTENSION booking_guard;
CREATE EXTENSION refint;
CREATE TYPE booking_status AS ENUM ('PENDING', 'CONFIRMED', 'CANCELLED');
