-- Notes in a setting of the session which tables are written anew, and why (the manual: "Event Trigger Functions").
CREATE SCHEMA roomctl_trace;
CREATE FUNCTION roomctl_trace.note_rewrite() RETURNS event_trigger LANGUAGE plpgsql SET search_path = pg_catalog AS $$
BEGIN
  PERFORM set_config('roomctl_trace.rewrites',
                     concat(current_setting('roomctl_trace.rewrites', true), ' ',
                            pg_event_trigger_table_rewrite_oid()::int8, ':', pg_event_trigger_table_rewrite_reason()),
                     false);
END $$;
CREATE EVENT TRIGGER roomctl_trace_rewrites ON table_rewrite EXECUTE FUNCTION roomctl_trace.note_rewrite();
