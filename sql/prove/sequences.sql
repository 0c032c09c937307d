-- Where each sequence of the app stands; null for one that waits for its first call.
SELECT CASE WHEN nspname = 'public' THEN relname ELSE nspname || '.' || relname END AS name,
       pg_sequence_last_value(pg_class.oid)::text AS value
  FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
 WHERE relkind = 'S' AND relpersistence <> 't' AND nspname <> 'roomctl'
 ORDER BY 1
