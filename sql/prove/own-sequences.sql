-- Restarts each sequence of the app where it stands. What RESTART makes is a new file of the transaction's own: from here on
-- nextval and setval are rolled back with it, which they are not otherwise.
DO $$
DECLARE
  one   record;
  place record;
BEGIN
  FOR one IN SELECT pg_class.oid::regclass AS name, seqincrement AS step, seqmin, seqmax
               FROM pg_sequence
               JOIN pg_class ON pg_class.oid = seqrelid
               JOIN pg_namespace ON pg_namespace.oid = relnamespace
              WHERE relpersistence <> 't' AND nspname <> 'roomctl'
  LOOP
    EXECUTE format('SELECT last_value::numeric + CASE WHEN is_called THEN %s ELSE 0 END AS next FROM %s', one.step, one.name) INTO place;
    EXECUTE format('ALTER SEQUENCE %s RESTART WITH %s', one.name, greatest(one.seqmin, least(one.seqmax, place.next)));
  END LOOP;
END $$
