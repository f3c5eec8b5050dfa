-- The guard's verdict; it finds bookings.
\set hot 200000
SELECT * FROM safe_delete_service(:hot);
