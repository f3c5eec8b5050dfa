-- One more booking of the hot service.
INSERT INTO booking VALUES (:client_id, 1, now() + interval '1 day', 'CONFIRMED', NULL);
