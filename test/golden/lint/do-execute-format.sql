DO $$
DECLARE t text;
BEGIN
  FOREACH t IN ARRAY ARRAY['users', 'rooms'] LOOP
    EXECUTE format('ALTER TABLE %I ADD COLUMN IF NOT EXISTS tenant_id bigint', t);
  END LOOP;
END $$;
