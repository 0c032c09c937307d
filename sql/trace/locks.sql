-- What another session ($2) holds at this moment: each relation of the app, in its strongest mode.
SELECT relation::int8::float8 AS oid, max(pg_catalog.array_position($1::text[], mode)) AS strength
  FROM pg_catalog.pg_locks
 WHERE pid = $2 AND locktype = 'relation' AND granted AND relation >= 16384
   AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 GROUP BY relation
