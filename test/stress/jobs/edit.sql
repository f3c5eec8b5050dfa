-- weight 4
UPDATE service SET edits = edits + 1
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_service);
