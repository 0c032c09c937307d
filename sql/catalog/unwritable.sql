-- What is of a covered kind, and yet cannot be made as it is.
, parents AS (
    SELECT inhrelid, inhparent, inhseqno FROM pg_inherits JOIN relation ON relation.oid = inhparent WHERE NOT EXISTS (
        SELECT FROM pg_class WHERE pg_class.oid = inhrelid AND relispartition)
), arriving AS (
    -- INHERITS puts the parents' columns first, in the parents' order.
    SELECT inhrelid, attname, min(inhseqno * 10000 + attnum) AS place
      FROM parents JOIN pg_attribute ON attrelid = inhparent AND attnum > 0 AND NOT attisdropped
     GROUP BY inhrelid, attname
)
SELECT 'pg_class' AS catalog, child.oid AS object, NULL AS label, 'its columns are not in the order that INHERITS would give them' AS why
  FROM relation AS child
 WHERE EXISTS (SELECT FROM parents WHERE inhrelid = child.oid)
   AND EXISTS (SELECT FROM pg_attribute WHERE attrelid = child.oid AND attnum > 0 AND NOT attisdropped AND NOT attislocal)
   AND (SELECT array_agg(att.attname ORDER BY attnum) <> array_agg(att.attname ORDER BY place NULLS LAST, attnum)
          FROM pg_attribute AS att LEFT JOIN arriving ON inhrelid = child.oid AND arriving.attname = att.attname
         WHERE attrelid = child.oid AND attnum > 0 AND NOT attisdropped)
UNION ALL
SELECT 'pg_class', relation.oid, NULL, 'it is invalid: REINDEX or drop it'
  FROM relation JOIN pg_index ON indexrelid = relation.oid
 WHERE relkind = 'i' AND NOT indisvalid
UNION ALL
SELECT 'pg_constraint', con.oid, NULL, 'its index has options, over partitions'
  FROM relation JOIN pg_constraint AS con ON conindid = relation.oid AND contype = 'x'
 WHERE relkind = 'I' AND reloptions IS NOT NULL
UNION ALL
-- Nobody looks for objects there, pg_dump neither. Some releases had information_schema made anew, which is no stray.
SELECT 'pg_class', class.oid, format('%s %s', CASE WHEN relkind IN ('r', 'p') THEN 'table' ELSE 'relation' END, class.oid::regclass), 'it is in a schema of the system'
  FROM pg_class AS class
 WHERE class.oid >= 16384 AND ('pg_class'::regclass, class.oid) NOT IN (SELECT classid, objid FROM member)
   AND (relnamespace = 'pg_catalog'::regnamespace AND relkind <> 'c'
        OR relnamespace = 'information_schema'::regnamespace AND relkind IN ('r', 'p') AND relname !~ '^sql_')
UNION ALL
SELECT 'pg_proc', proc.oid, 'function pg_catalog.' || proc.oid::regprocedure, 'it is in a schema of the system'
  FROM pg_proc AS proc
 WHERE proc.oid >= 16384 AND pronamespace = 'pg_catalog'::regnamespace
   AND ('pg_proc'::regclass, proc.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_type', type.oid, 'type pg_catalog.' || typname, 'it is in a schema of the system'
  FROM pg_type AS type
 WHERE type.oid >= 16384 AND typnamespace = 'pg_catalog'::regnamespace AND typtype IN ('e', 'd', 'r', 'b', 'c')
   AND ('pg_type'::regclass, type.oid) NOT IN (SELECT classid, objid FROM member)
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_type'::regclass AND objid = type.oid AND deptype = 'i' AND refclassid <> 'pg_class'::regclass)
