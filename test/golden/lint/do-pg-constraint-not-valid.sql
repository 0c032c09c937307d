DO $$
BEGIN
  IF NOT EXISTS (SELECT 1 FROM pg_constraint WHERE conname = 'users_age_check') THEN
    ALTER TABLE users ADD CONSTRAINT users_age_check CHECK (age >= 0) NOT VALID;
  END IF;
END
$$;
