-- weight 1 blind: a service goes in the very statement that books it
WITH gone AS (
	DELETE FROM service WHERE (tenant_id, id) = (SELECT tenant_id, id FROM some_service)
	RETURNING tenant_id, id)
INSERT INTO booking (tenant_id, service_id, status, at)
SELECT tenant_id, id, some_status(), some_time() FROM gone;
