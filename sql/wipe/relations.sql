-- Every relation that a TRUNCATE could reach, in every schema but the system's: also roomctl's own and extensions',
-- because a cascade asks neither. "columns" only serves to notice that a table was altered. Nothing here opens a table, so
-- nobody's lock on one can hold it up.
SELECT class.oid::int8::float8                AS oid,
       namespace.nspname                      AS schema,
       class.relname                          AS name,
       CASE class.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END AS kind,
       class.relispartition                   AS "isPartition",
       ARRAY(SELECT inhparent::int8::float8 FROM pg_inherits WHERE inhrelid = class.oid ORDER BY inhseqno) AS parents,
       (SELECT coalesce(json_agg(json_build_object(
                 'name', attribute.attname,
                 'type', format_type(attribute.atttypid, attribute.atttypmod)) ORDER BY attribute.attnum), '[]')
          FROM pg_attribute AS attribute
         WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped) AS columns
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'f')
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema')
   AND namespace.nspname !~ '^pg_(toast|temp)'
 ORDER BY namespace.nspname, class.relname
