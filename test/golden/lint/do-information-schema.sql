DO $$
BEGIN
  IF EXISTS (SELECT 1 FROM information_schema.columns WHERE table_name = 'users' AND column_name = 'nick') THEN
    ALTER TABLE users RENAME COLUMN nick TO nickname;
  END IF;
END $$;
