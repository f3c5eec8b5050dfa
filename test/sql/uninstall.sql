--
-- DROP EXTENSION leaves nothing behind
--
SELECT count(*) FROM booking_guards;	-- every test has removed its own
DROP EXTENSION booking_guard;
SELECT proname FROM pg_proc WHERE proname ~ 'booking_guard|safe_delete' OR probin ~ 'booking_guard';
SELECT relname FROM pg_class WHERE relname ~ 'booking_guard';
SELECT tgrelid::regclass, tgname FROM pg_trigger WHERE tgname ~ '^(BG_|zz_booking_guard)';
SELECT conrelid::regclass, conname FROM pg_constraint WHERE contype = 't';
SELECT evtname FROM pg_event_trigger;
