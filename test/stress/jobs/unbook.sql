-- weight 4
DELETE FROM booking
WHERE id = (SELECT id FROM some_booking);
