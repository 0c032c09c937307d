DO $$
BEGIN
  IF EXISTS (SELECT FROM pg_type WHERE typname = 'feeling') THEN
    RETURN;
  END IF;
  CREATE TYPE feeling AS ENUM ('up', 'down');
  ALTER TABLE users ADD COLUMN feeling feeling;
END $$;
