-- weight 2 blind: the services go by cascade
DELETE FROM tenant
WHERE id = (SELECT id FROM tenant ORDER BY random() LIMIT 1);
