-- weight 6 retiring
UPDATE service SET retired_at = NULL
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM service WHERE retired_at IS NOT NULL ORDER BY random() LIMIT 1);
