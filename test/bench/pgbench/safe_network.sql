-- The verdict with a network before it.
\set id :id + 1
\sleep 1 ms
SELECT * FROM safe_delete_service(:id);
