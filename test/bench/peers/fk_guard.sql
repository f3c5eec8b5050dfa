-- booking_guard beside a foreign key.
\ir fk.sql
\ir guard.sql
