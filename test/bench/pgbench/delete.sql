-- A mere DELETE.
\set id :id + 1
DELETE FROM service WHERE id = :id;
