-- What another session ($2) holds or waits for at this moment: each relation of the app, in its strongest mode. What else
-- it waits for has no oid.
SELECT relation::int8::float8 AS oid, max(pg_catalog.array_position($1::text[], mode)) AS strength,
       bool_or(NOT granted) AS "isWaiting"
  FROM (SELECT CASE WHEN locktype = 'relation' AND relation >= 16384
                     AND database = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
                    THEN relation END AS relation, mode, granted
          FROM pg_catalog.pg_locks
         WHERE pid = $2) AS lock
 WHERE relation IS NOT NULL OR NOT granted
 GROUP BY relation
