-- An empty pair of tables, in the schema that search_path names first. What
-- guards them, if anything, is made by a file in peers/.
CREATE TABLE service (
    id integer PRIMARY KEY,
    name text NOT NULL
);
CREATE TABLE booking (
    id integer NOT NULL,
    service_id integer,
    date timestamptz NOT NULL,
    status booking_status NOT NULL,
    note text
);
