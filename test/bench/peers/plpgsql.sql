-- A trigger that counts, as applications write it.
CREATE FUNCTION keep_booked_service() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    n integer;
BEGIN
    SELECT count(*) INTO n FROM booking
     WHERE service_id = OLD.id AND status IN ('PENDING', 'CONFIRMED') AND date >= now();
    IF n > 0 THEN
        RAISE EXCEPTION 'Cannot delete service with % upcoming bookings.', n USING ERRCODE = '23503';
    END IF;
    RETURN OLD;
END
$$;
CREATE TRIGGER keep_booked_service BEFORE DELETE ON service
    FOR EACH ROW EXECUTE FUNCTION keep_booked_service();
