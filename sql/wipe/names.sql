-- The tables $1 (oids) in that order, by name.
SELECT class.oid::int8::float8 AS oid, nspname::text AS schema, relname::text AS name
  FROM unnest($1::oid[]) WITH ORDINALITY AS asked (oid, position)
  JOIN pg_class AS class ON class.oid = asked.oid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 ORDER BY asked.position
