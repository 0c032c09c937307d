-- Every table of the app with what the audit asks of it. Only catalog columns and functions that open no relation
-- (no pg_total_relation_size, no pg_get_expr): a table that somebody else has locked must not stop the audit.
WITH RECURSIVE leaf (root, oid) AS (
  SELECT oid, oid FROM pg_class WHERE relkind IN ('r', 'p', 'f')
  UNION ALL
  SELECT leaf.root, pg_inherits.inhrelid
    FROM leaf JOIN pg_class AS parent ON parent.oid = leaf.oid AND parent.relkind = 'p'
    JOIN pg_inherits ON pg_inherits.inhparent = leaf.oid
)
SELECT namespace.nspname                                         AS schema,
       class.relname                                             AS name,
       CASE class.relkind WHEN 'p' THEN 'partitioned' WHEN 'f' THEN 'foreign' ELSE 'table' END AS kind,
       class.relispartition                                      AS "isPartition",
       whole."isUnlogged",
       row_security_active(class.oid)                            AS "hidesRows",
       whole."estimatedRows",
       (SELECT coalesce(json_agg(json_build_object(
                 'name', attribute.attname,
                 'type', format_type(attribute.atttypid, attribute.atttypmod),
                 'notNull', attribute.attnotnull,
                 'isConstrained', EXISTS (SELECT FROM pg_constraint
                                           WHERE conrelid = class.oid AND contype IN ('c', 'f') AND attribute.attnum = ANY (conkey)),
                 'isIndexed', EXISTS (SELECT FROM pg_index AS index JOIN pg_class AS index_class ON index_class.oid = index.indexrelid
                                        JOIN pg_am ON pg_am.oid = index_class.relam AND pg_am.amname = 'btree'
                                       WHERE index.indrelid = class.oid AND index.indisvalid AND index.indpred IS NULL
                                         AND index.indkey[0] = attribute.attnum)) ORDER BY attribute.attnum), '[]')
          FROM pg_attribute AS attribute
         WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped) AS columns,
       EXISTS (SELECT FROM pg_index WHERE indrelid = class.oid AND indisprimary) AS "hasPrimaryKey"
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 CROSS JOIN LATERAL (
         -- Below zero means never analyzed: then nobody knows.
         SELECT CASE WHEN bool_or(member.reltuples < 0) THEN NULL ELSE sum(member.reltuples)::float8 END AS "estimatedRows",
                coalesce(bool_or(member.relpersistence = 'u'), false)                                    AS "isUnlogged"
           FROM leaf JOIN pg_class AS member ON member.oid = leaf.oid AND (member.relkind <> 'p' OR class.relkind <> 'p')
          WHERE leaf.root = class.oid) AS whole
 WHERE class.relkind IN ('r', 'p', 'f')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
 ORDER BY namespace.nspname, class.relname
