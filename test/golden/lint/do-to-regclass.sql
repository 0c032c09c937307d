DO $$
BEGIN
  IF to_regclass('public.audit_log') IS NULL THEN
    CREATE TABLE audit_log (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, at timestamptz NOT NULL DEFAULT now(), what jsonb NOT NULL);
    CREATE INDEX audit_log_at_idx ON audit_log (at);
  END IF;
END $$;
