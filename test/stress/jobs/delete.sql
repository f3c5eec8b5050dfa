-- weight 5 blind
DELETE FROM service
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_service);
