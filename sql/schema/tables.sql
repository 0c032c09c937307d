-- Every table of the app: ordinary, partitioned, foreign; not the system's, not an extension's, roomctl's own where $1 says so.
-- Nothing here opens a table (no pg_total_relation_size, no pg_get_expr), so nobody's lock on one can hold it up.
SELECT class.oid::int8::float8                                    AS oid,
       namespace.nspname                                         AS schema,
       class.relname                                             AS name,
       CASE class.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END AS kind,
       class.relispartition                                      AS "isPartition",
       class.relpersistence = 'u'                                AS "isUnlogged",
       class.relrowsecurity                                      AS "hasRowSecurity",
       greatest(class.reltuples, 0)::float8                      AS "estimatedRows",
       (SELECT coalesce(json_agg(json_build_object(
                 'name', attribute.attname,
                 'type', format_type(attribute.atttypid, attribute.atttypmod),
                 'notNull', attribute.attnotnull,
                 'isGenerated', attribute.attgenerated <> '',
                 'identity', CASE attribute.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
                 'hasDefault', attribute.atthasdef AND attribute.attgenerated = '') ORDER BY attribute.attnum), '[]')
          FROM pg_attribute AS attribute
         WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped) AS columns,
       coalesce((SELECT array_agg(attribute.attname::text ORDER BY key.position)
          FROM pg_index AS index
          CROSS JOIN LATERAL unnest(index.indkey) WITH ORDINALITY AS key (number, position)
          JOIN pg_attribute AS attribute ON attribute.attrelid = class.oid AND attribute.attnum = key.number
         WHERE index.indrelid = class.oid AND index.indisprimary), '{}') AS "primaryKey"
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'f')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema')
   AND (namespace.nspname <> 'roomctl' OR $1)
   AND namespace.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
 ORDER BY namespace.nspname, class.relname
