DO $$
DECLARE n int;
BEGIN
  SELECT count(*) INTO n FROM information_schema.tables WHERE table_schema = 'public' AND table_name = 'badges';
  IF n > 0 THEN
    RAISE NOTICE 'there';
    RETURN;
  END IF;
  CREATE TABLE badges (id bigserial PRIMARY KEY, name varchar(20));
END $$;
