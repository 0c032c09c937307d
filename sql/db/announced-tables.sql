-- The tables of schemas $1 and names $2 as an announcement names them: a partition by its root. In the same order.
SELECT coalesce(namespace.nspname, wanted.schema)  AS schema,
       coalesce(class.relname, wanted.name)        AS name,
       class.oid IS DISTINCT FROM wanted.oid       AS "isPart"
  FROM (SELECT position, schema, name, to_regclass(quote_ident(schema) || '.' || quote_ident(name))::oid AS oid
          FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS given (schema, name, position)) AS wanted
  LEFT JOIN pg_class AS class ON class.oid = coalesce(pg_partition_root(wanted.oid), wanted.oid)
  LEFT JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 ORDER BY wanted.position
