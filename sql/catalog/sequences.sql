-- Those of identity columns come with their tables (tables.sql).
, owned AS (
    SELECT objid, refobjid AS table_oid, deptype, format('%s.%I', full_name, attname) AS column_name
      FROM pg_depend
      JOIN relation ON relation.oid = refobjid
      JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
     WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype IN ('a', 'i') AND refobjsubid > 0
       AND objid IN (SELECT oid FROM relation WHERE relkind = 'S')
)
SELECT 'pg_class' AS catalog, relation.oid AS object, NULL AS part, NULL::text[] AS needs, 44 AS rank, pg_get_userbyid(relowner)::text AS owner,
       ARRAY[format('CREATE %sSEQUENCE %s AS %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s',
                    CASE relpersistence WHEN 'u' THEN 'UNLOGGED ' END, full_name, format_type(seqtypid, NULL), seqstart, seqincrement,
                    seqmin, seqmax, seqcache, CASE WHEN seqcycle THEN ' CYCLE' END)] AS sql
  FROM relation JOIN pg_sequence ON seqrelid = relation.oid
 WHERE relation.oid NOT IN (SELECT objid FROM owned WHERE deptype = 'i')
UNION ALL
SELECT 'pg_class', relation.oid, 'owned', ARRAY['pg_class:' || relation.oid, 'pg_class:' || table_oid], 56, NULL,
       ARRAY[format('ALTER SEQUENCE %s OWNED BY %s', full_name, column_name)]
  FROM owned JOIN relation ON relation.oid = objid
 WHERE deptype = 'a'
