-- What could be lost: every table with its columns (generated ones hold nothing of their own) and its storage file.
SELECT class.oid::int8::float8               AS oid,
       namespace.nspname                     AS schema,
       class.relname                         AS name,
       pg_relation_filenode(class.oid)::int8::float8 AS "fileNode",
       (SELECT inhparent::int8::float8 FROM pg_inherits WHERE inhrelid = class.oid AND class.relispartition)
                                             AS "partitionOf",
       (SELECT coalesce(json_agg(json_build_object('number', attnum, 'name', attname,
                                                   'type', atttypid::regtype || ' ' || atttypmod) ORDER BY attnum), '[]')
          FROM pg_attribute
         WHERE attrelid = class.oid AND attnum > 0 AND NOT attisdropped AND attgenerated = '') AS columns,
       pg_stat_get_xact_tuples_deleted(class.oid)::float8 AS "deletedRows",
       pg_stat_get_xact_tuples_updated(class.oid)::float8 AS "updatedRows",
       pg_stat_get_xact_tuples_inserted(class.oid)::float8 AS "insertedRows"
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
 ORDER BY namespace.nspname, class.relname
