-- weight 6: as an application does that counts before it deletes
DELETE FROM service
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_free_service);
