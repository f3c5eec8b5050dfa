-- booking_guard, without a foreign key.
SELECT booking_guard_protect('service', 'booking', ARRAY['service_id']);
