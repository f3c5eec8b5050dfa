-- weight 12: services again, so that there are about eight
INSERT INTO tenant
SELECT WHERE (SELECT count(*) FROM tenant) < 4;
INSERT INTO service (tenant_id)
SELECT id FROM tenant
WHERE (SELECT count(*) FROM service WHERE retired_at IS NULL) < 8
ORDER BY random() LIMIT 1;
