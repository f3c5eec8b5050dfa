-- weight 8
UPDATE booking SET status = 'CONFIRMED'
WHERE id = (SELECT id FROM some_booking);
