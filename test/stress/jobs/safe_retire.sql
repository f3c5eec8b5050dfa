-- weight 4 blind retiring
SELECT v.* FROM some_service s, safe_retire_service(s.id, s.tenant_id) v;
