-- weight 3: as an application does that also locks before it counts
SELECT set_config('stress.id', id::text, true) FROM service
WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_free_service) FOR UPDATE;
DELETE FROM service s
WHERE id = nullif(current_setting('stress.id', true), '')::int
	AND NOT EXISTS (SELECT FROM booking b
		WHERE b.tenant_id = s.tenant_id AND b.service_id = s.id
			AND b.status IN ('PENDING', 'CONFIRMED') AND (b.at IS NULL OR b.at >= now()));
