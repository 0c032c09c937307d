-- Types by their names, which outlive the type itself when it is dropped and made again.
SELECT pg_type.oid::int8::float8 AS oid,
       CASE WHEN nspname = 'pg_catalog' THEN format_type(pg_type.oid, NULL)
            WHEN element.oid IS NULL THEN format('%I.%I', nspname, pg_type.typname)
            ELSE format('%I.%I[]', nspname, element.typname) END AS name
  FROM pg_catalog.pg_type
  JOIN pg_catalog.pg_namespace ON pg_namespace.oid = pg_type.typnamespace
  -- An array type carries an underscore in its own name.
  LEFT JOIN pg_catalog.pg_type AS element ON element.typarray = pg_type.oid
 WHERE pg_type.oid = ANY ($1::oid[])
