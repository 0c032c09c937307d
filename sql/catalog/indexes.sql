-- Indexes and the constraints that have one, extended statistics.
, index_ AS (
    SELECT relation.*, pg_index.*, con.oid AS constraint_oid, con.conname, con.contype, parent.full_name AS parent_name, inhparent, table_.full_name AS table_name
      FROM relation
      JOIN pg_index ON indexrelid = relation.oid
      JOIN relation AS table_ ON table_.oid = indrelid
      LEFT JOIN pg_constraint AS con ON conindid = relation.oid AND conrelid = indrelid AND contype IN ('p', 'u', 'x')
      LEFT JOIN pg_inherits ON inhrelid = relation.oid
      LEFT JOIN relation AS parent ON parent.oid = inhparent
), later AS (
    SELECT oid AS index_oid, array_agg(change ORDER BY number) AS list
      FROM index_
     CROSS JOIN LATERAL (
           SELECT 1 AS number, format('ALTER INDEX %s SET (%s)', full_name,
                                      string_agg(quote_ident(split_part(option, '=', 1)) || ' = ' || quote_literal(substr(option, strpos(option, '=') + 1)), ', ')) AS change
             FROM unnest(reloptions) AS option WHERE contype = 'x' HAVING count(*) > 0
            UNION ALL
           SELECT 2, format('ALTER INDEX %s SET TABLESPACE %I', full_name, spcname) FROM pg_tablespace WHERE pg_tablespace.oid = reltablespace
            UNION ALL
           SELECT 3, format('ALTER INDEX %s ALTER COLUMN %s SET STATISTICS %s', full_name, attnum, attstattarget)
             FROM pg_attribute WHERE attrelid = index_.oid AND attstattarget >= 0
            UNION ALL
           SELECT 4, format('ALTER TABLE %s CLUSTER ON %I', table_name, relname) WHERE indisclustered
            UNION ALL
           SELECT 5, format('ALTER TABLE ONLY %s REPLICA IDENTITY USING INDEX %I', table_name, relname) WHERE indisreplident) AS changes
     GROUP BY oid
)
SELECT 'pg_constraint' AS catalog, constraint_oid AS object, NULL AS part, ARRAY['pg_class:' || indrelid] AS needs, 100 AS rank, NULL AS owner,
       ARRAY[format('ALTER TABLE ONLY %s ADD CONSTRAINT %I %s', table_name, conname,
                    -- Options are no part of the definition. An index of partitions cannot be given any later.
                    CASE WHEN reloptions IS NULL OR contype = 'x' THEN pg_get_constraintdef(constraint_oid)
                         ELSE regexp_replace(pg_get_constraintdef(constraint_oid), '((?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)$',
                                             (SELECT ' WITH (' || string_agg(quote_ident(split_part(option, '=', 1)) || ' = ' || split_part(option, '=', 2), ', ') || ')'
                                                FROM unnest(reloptions) AS option) || '\1') END)] || later.list AS sql
  FROM index_ LEFT JOIN later ON index_oid = index_.oid
 WHERE constraint_oid IS NOT NULL
UNION ALL
SELECT 'pg_class', index_.oid, NULL, ARRAY['pg_class:' || indrelid], 102, NULL, ARRAY[pg_get_indexdef(index_.oid)] || later.list
  FROM index_ LEFT JOIN later ON index_oid = index_.oid
 WHERE constraint_oid IS NULL AND (indisvalid OR relkind = 'I')
UNION ALL
SELECT 'pg_class', oid, 'attach', ARRAY['pg_class:' || oid, 'pg_class:' || inhparent], 104, NULL,
       ARRAY[format('ALTER INDEX %s ATTACH PARTITION %s', parent_name, full_name)]
  FROM index_ WHERE inhparent IS NOT NULL
UNION ALL
SELECT 'pg_statistic_ext', statistic.oid, NULL, ARRAY['pg_class:' || stxrelid], 106, pg_get_userbyid(stxowner),
       ARRAY[pg_get_statisticsobjdef(statistic.oid)]
         || CASE WHEN stxstattarget >= 0 THEN format('ALTER STATISTICS %I.%I SET STATISTICS %s', nspname, stxname, stxstattarget) END
  FROM pg_statistic_ext AS statistic JOIN app_schema ON app_schema.oid = stxnamespace
 WHERE ('pg_statistic_ext'::regclass, statistic.oid) NOT IN (SELECT classid, objid FROM member)
