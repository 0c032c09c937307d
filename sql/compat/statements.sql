-- What this database was asked, the most frequent first. The view's schema is put in by the caller.
SELECT queryid::text AS id, query, sum(calls)::float8 AS calls
  FROM public.pg_stat_statements
 WHERE dbid = (SELECT oid FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database())
 GROUP BY queryid, query
 ORDER BY calls DESC, queryid
