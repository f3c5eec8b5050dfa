-- What a user of the guard sees.
DELETE FROM "Service" WHERE "id" = 'clk3haircut000008l4d2qh5f9';

SELECT * FROM booking_guard_blocking_bookings('clk3haircut000008l4d2qh5f9', 'clk1tenant0000008l4rosewood');

\echo 'A verdict instead of an error: a service with bookings, one without, that one again, and one of another tenant.'
\echo
SELECT * FROM safe_delete_service('clk3haircut000008l4d2qh5f9', 'clk1tenant0000008l4rosewood');
SELECT * FROM safe_delete_service('clk3shave00000008l4d2qh5f9', 'clk1tenant0000008l4rosewood');
SELECT * FROM safe_delete_service('clk3shave00000008l4d2qh5f9', 'clk1tenant0000008l4rosewood');
SELECT * FROM safe_delete_service('clk3massage000008l4d2qh5f9', 'clk1tenant0000008l4rosewood');
