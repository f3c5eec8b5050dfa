-- weight 6
UPDATE booking SET at = some_time()
WHERE id = (SELECT id FROM some_booking);
