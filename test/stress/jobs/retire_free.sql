-- weight 3 retiring
UPDATE service SET retired_at = now()
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_free_service);
