-- weight 3: what is cancelled, past or retired, so that the tables stay small
DELETE FROM booking
WHERE id IN (SELECT id FROM booking WHERE status = 'CANCELED' OR at < now() ORDER BY id LIMIT 20);
DELETE FROM service
WHERE (tenant_id, id) IN (SELECT tenant_id, id FROM service WHERE retired_at IS NOT NULL ORDER BY id LIMIT 2);
