DO $$
BEGIN
  BEGIN
    ALTER TABLE users ADD COLUMN avatar text;
  EXCEPTION
    WHEN duplicate_column THEN RAISE NOTICE 'column avatar already exists';
  END;
END $$;
