-- weight 3 blind retiring
UPDATE service SET retired_at = now()
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_service);
