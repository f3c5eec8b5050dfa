--
-- Labels: the nouns of a guard's sentences, of which there may be several
--
CREATE SCHEMA labels;
SET search_path = labels, public;

CREATE TABLE service (id integer PRIMARY KEY);
CREATE TABLE booking (service_id integer, status text, date date);
CREATE INDEX ON booking (service_id);
INSERT INTO service VALUES (1), (2);
INSERT INTO booking VALUES (1, 'PENDING', '2100-01-01'), (2, 'PENDING', '2100-01-01'), (2, 'PENDING', '2100-01-01');

-- One and two of each
CREATE FUNCTION sentences(label text) RETURNS TABLE (one text, two text) LANGUAGE plpgsql AS $$
BEGIN
	PERFORM booking_guard_protect('service', 'booking', ARRAY['service_id'], booking_label => label, or_replace => true);
	SELECT message INTO one FROM safe_delete_service(1);
	SELECT message INTO two FROM safe_delete_service(2);
	RETURN NEXT;
END $$;
SELECT s.* FROM unnest(ARRAY['visit', 'class', 'box', 'waltz', 'lunch', 'wash', 'bath', 'party', 'day', 'x', 'h', 'y']) label, sentences(label) s;

SET client_min_messages = warning;
DROP SCHEMA labels CASCADE;
