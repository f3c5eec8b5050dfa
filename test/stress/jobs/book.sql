-- weight 20
INSERT INTO booking (tenant_id, service_id, status, at)
SELECT tenant_id, id, some_status(), some_time() FROM some_service;
