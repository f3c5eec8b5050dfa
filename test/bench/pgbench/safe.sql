-- The guard's verdict; it deletes.
\set id :id + 1
SELECT * FROM safe_delete_service(:id);
