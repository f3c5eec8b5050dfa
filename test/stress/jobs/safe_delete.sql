-- weight 6 blind
SELECT v.* FROM some_service s, safe_delete_service(s.id, s.tenant_id) v;
