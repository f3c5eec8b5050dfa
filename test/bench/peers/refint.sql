-- contrib/spi: refuses a service that has any booking.
CREATE TRIGGER keep_booked_service BEFORE DELETE ON service
    FOR EACH ROW EXECUTE FUNCTION check_foreign_key(1, 'restrict', 'id', 'booking', 'service_id');
