-- The server's own foreign key.
ALTER TABLE booking ADD CONSTRAINT booking_service_id_fkey
    FOREIGN KEY (service_id) REFERENCES service ON DELETE RESTRICT;
