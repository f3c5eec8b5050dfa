-- That beside a foreign key.
\ir fk.sql
\ir noop.sql
