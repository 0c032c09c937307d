-- The table that tombstones of $1 belong to (the root of a partition) and its primary key's columns in order.
SELECT namespace.nspname AS schema, class.relname AS name,
       (SELECT relkind = 'p' FROM pg_class WHERE oid = to_regclass($1)) AS "isPartitioned",
       coalesce((SELECT array_agg(attribute.attname::text ORDER BY array_position(key.indkey::int2[], attribute.attnum))
                   FROM pg_index AS key
                   JOIN pg_attribute AS attribute ON attribute.attrelid = key.indrelid
                    AND attribute.attnum = ANY (key.indkey::int2[])
                  WHERE key.indrelid = class.oid AND key.indisprimary), '{}') AS key
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.oid = coalesce(pg_partition_root(to_regclass($1)), to_regclass($1))
