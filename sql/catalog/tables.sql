-- Tables, partitioned and foreign ones. A partition is made by itself and then attached; a child that has every inherited
-- column as its own as well, too.
, parents AS (
    SELECT inhrelid, count(*) AS number, array_agg(inhparent ORDER BY inhseqno) AS oids,
           string_agg(parent.full_name, ', ' ORDER BY inhseqno) AS names
      FROM pg_inherits JOIN relation AS parent ON parent.oid = inhparent
     WHERE parent.relkind IN ('r', 'p', 'f')
     GROUP BY inhrelid
), table_ AS (
    SELECT relation.*, parents.oids AS parent_oids, parents.names AS parent_names,
           -- Made by itself first.
           relispartition OR parents.number > 0 AND NOT EXISTS (
               SELECT FROM pg_attribute WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped AND NOT attislocal)
             AND NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = relation.oid AND contype IN ('c', 'n') AND NOT conislocal) AS apart
      FROM relation LEFT JOIN parents ON inhrelid = relation.oid
     WHERE relkind IN ('r', 'p', 'f')
), identity_ AS (
    SELECT refobjid AS table_oid, objid AS sequence_oid, attname, attidentity
      FROM pg_depend JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid AND attidentity <> ''
     WHERE classid = 'pg_class'::regclass AND refclassid = 'pg_class'::regclass AND deptype = 'i'
), parent_column AS (
    SELECT inhrelid, attname, attstorage, attcompression, attidentity, adbin IS NOT NULL AS has_default
      FROM pg_inherits
      JOIN pg_attribute ON attrelid = inhparent AND attnum > 0 AND NOT attisdropped
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
), column_ AS (
    SELECT table_.oid, att.*, adbin, pg_attrdef.oid AS default_oid, relkind, reloftype, full_name, apart,
           quote_ident(att.attname) AS name, pg_get_expr(adbin, adrelid) AS expression, typstorage,
           attislocal OR apart AS is_written,
           attinhcount > 0 AND NOT apart AS is_inherited,
           CASE WHEN attcollation <> typcollation THEN ' COLLATE ' || attcollation::regcollation END AS collation_
      FROM table_
      JOIN pg_attribute AS att ON attrelid = table_.oid AND attnum > 0 AND NOT attisdropped
      JOIN pg_type ON pg_type.oid = atttypid
      LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
), item AS (
    SELECT oid AS table_oid, 1 AS kind, attnum::int AS number, attname::text AS sorted,
           name || CASE WHEN reloftype = 0 THEN ' ' || format_type(atttypid, atttypmod) ELSE ' WITH OPTIONS' END
             || coalesce((SELECT ' OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')'
                            FROM pg_options_to_table(attfdwoptions)), '')
             || CASE WHEN reloftype = 0 THEN coalesce(collation_, '') ELSE '' END
             || CASE WHEN false THEN ''
                     WHEN attgenerated <> '' AND is_inherited THEN '' --@<16
                     WHEN attgenerated <> '' THEN format(' GENERATED ALWAYS AS (%s) %s', expression, CASE attgenerated WHEN 's' THEN 'STORED' ELSE 'VIRTUAL' END)
                     WHEN expression IS NOT NULL AND default_oid NOT IN (SELECT objid FROM far) THEN ' DEFAULT ' || expression
                     ELSE '' END
             || CASE WHEN attnotnull THEN ' NOT NULL' ELSE '' END --@<18
           AS sql
      FROM column_
     WHERE is_written
       AND (reloftype = 0 OR expression IS NOT NULL AND default_oid NOT IN (SELECT objid FROM far) OR attnotnull)
     UNION ALL
    SELECT conrelid, 2, 0, conname, format('CONSTRAINT %I %s', conname, pg_get_constraintdef(con.oid))
      FROM pg_constraint AS con JOIN table_ ON table_.oid = conrelid
     WHERE contype IN ('c', 'n') AND convalidated AND (conislocal OR relispartition)
       AND con.oid NOT IN (SELECT objid FROM far)
), items AS (
    SELECT table_oid, '(' || string_agg(sql, ', ' ORDER BY kind, number, sorted COLLATE "C") || ')' AS list FROM item GROUP BY table_oid
), later AS (
    SELECT column_.oid AS table_oid, array_agg(format('ALTER TABLE ONLY %s ALTER COLUMN %s %s', column_.full_name, name, change) ORDER BY attnum, number) AS list
       FROM column_
      CROSS JOIN LATERAL (
            SELECT 1 AS number, 'SET STATISTICS ' || attstattarget AS change WHERE attstattarget >= 0
             UNION ALL
            SELECT 2, 'SET STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
             WHERE attstorage <> typstorage
                OR is_inherited AND EXISTS (SELECT FROM parent_column AS parent WHERE inhrelid = attrelid AND parent.attname = column_.attname
                                                                                  AND parent.attstorage <> column_.attstorage)
             UNION ALL
            SELECT 3, 'SET COMPRESSION ' || CASE attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' ELSE 'default' END
             WHERE attcompression <> ''
                OR is_inherited AND EXISTS (SELECT FROM parent_column AS parent WHERE inhrelid = attrelid AND parent.attname = column_.attname
                                                                                  AND parent.attcompression <> '')
             UNION ALL
            SELECT 4, 'SET (' || string_agg(quote_ident(split_part(option, '=', 1)) || ' = ' || quote_literal(substr(option, strpos(option, '=') + 1)), ', ') || ')'
              FROM unnest(attoptions) AS option WHERE option NOT LIKE 'pg\_attver=%' HAVING count(*) > 0
             UNION ALL
            SELECT 5, 'OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')'
              FROM pg_options_to_table(attfdwoptions) WHERE NOT is_written HAVING count(*) > 0
             UNION ALL --@<18
            SELECT 6, 'SET NOT NULL' WHERE attnotnull AND NOT is_written --@<18
             UNION ALL
            SELECT 7, 'SET DEFAULT ' || expression
             WHERE attgenerated = '' AND NOT is_written AND expression IS NOT NULL AND default_oid NOT IN (SELECT objid FROM far)
             UNION ALL
            SELECT 7, 'DROP DEFAULT'
             WHERE is_inherited AND expression IS NULL
               AND EXISTS (SELECT FROM parent_column AS parent WHERE inhrelid = attrelid AND parent.attname = column_.attname AND has_default)
            ) AS changes
     GROUP BY column_.oid
)
SELECT 'pg_class' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 50 AS rank, pg_get_userbyid(relowner)::text AS owner,
       ARRAY[concat_ws(' ', CASE WHEN relkind = 'f' THEN 'CREATE FOREIGN TABLE' WHEN relpersistence = 'u' THEN 'CREATE UNLOGGED TABLE' ELSE 'CREATE TABLE' END,
                       full_name, 'OF ' || nullif(reloftype, 0)::regtype, coalesce(items.list, CASE WHEN reloftype = 0 THEN '()' END),
                       CASE WHEN NOT apart THEN 'INHERITS (' || parent_names || ')' END,
                       CASE relkind WHEN 'p' THEN 'PARTITION BY ' || pg_get_partkeydef(oid) END,
                       (SELECT 'USING ' || quote_ident(amname) FROM pg_am WHERE pg_am.oid = relam AND amname <> 'heap'),
                       (SELECT 'WITH (' || string_agg(prefix || quote_ident(split_part(option, '=', 1)) || ' = '
                                                      || quote_literal(substr(option, strpos(option, '=') + 1)), ', ') || ')'
                          FROM (SELECT '' AS prefix, unnest(reloptions) AS option
                                 UNION ALL
                                SELECT 'toast.', unnest(toast.reloptions) FROM pg_class AS toast WHERE toast.oid = table_.reltoastrelid) AS options),
                       (SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace WHERE pg_tablespace.oid = reltablespace),
                       (SELECT 'SERVER ' || quote_ident(srvname) FROM pg_foreign_table
                          JOIN pg_foreign_server ON pg_foreign_server.oid = ftserver WHERE ftrelid = table_.oid),
                       (SELECT 'OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')'
                          FROM pg_foreign_table, pg_options_to_table(ftoptions) WHERE ftrelid = table_.oid))]
         || later.list
         || CASE CASE WHEN relkind <> 'f' THEN relreplident END WHEN 'f' THEN format('ALTER TABLE ONLY %s REPLICA IDENTITY FULL', full_name)
                              WHEN 'n' THEN format('ALTER TABLE ONLY %s REPLICA IDENTITY NOTHING', full_name) END AS sql
  FROM table_
  LEFT JOIN items ON items.table_oid = table_.oid
  LEFT JOIN later ON later.table_oid = table_.oid
UNION ALL
SELECT 'pg_class', sequence.oid, NULL, ARRAY['pg_class:' || table_.oid], 51, NULL,
       ARRAY[format('ALTER TABLE %s ALTER COLUMN %I ADD GENERATED %s AS IDENTITY (SEQUENCE NAME %s START WITH %s INCREMENT BY %s MINVALUE %s MAXVALUE %s CACHE %s%s)',
                    table_.full_name, attname, CASE attidentity WHEN 'a' THEN 'ALWAYS' ELSE 'BY DEFAULT' END, sequence.full_name,
                    seqstart, seqincrement, seqmin, seqmax, seqcache, CASE WHEN seqcycle THEN ' CYCLE' END),
             CASE WHEN sequence.relpersistence <> table_.relpersistence
                  THEN format('ALTER SEQUENCE %s SET %s', sequence.full_name, CASE sequence.relpersistence WHEN 'u' THEN 'UNLOGGED' ELSE 'LOGGED' END) END]
  FROM table_ JOIN identity_ ON identity_.table_oid = table_.oid
  JOIN relation AS sequence ON sequence.oid = identity_.sequence_oid
  JOIN pg_sequence ON seqrelid = sequence.oid
UNION ALL
SELECT 'pg_class', table_.oid, 'inherit', ARRAY['pg_class:' || table_.oid]
         || (SELECT array_agg('pg_class:' || parent) || array_agg('pg_class:' || sequence_oid)
               FROM unnest(parent_oids) AS parent LEFT JOIN identity_ ON identity_.table_oid = parent), 54, NULL,
       CASE WHEN relispartition
            THEN ARRAY[format('ALTER TABLE ONLY %s ATTACH PARTITION %s %s', parent_names, full_name, pg_get_expr(relpartbound, oid))]
            ELSE (SELECT array_agg(format('ALTER TABLE ONLY %s INHERIT %s', table_.full_name, parent.full_name) ORDER BY number)
                    FROM unnest(parent_oids) WITH ORDINALITY AS list (parent_oid, number) JOIN relation AS parent ON parent.oid = parent_oid) END
  FROM table_
 WHERE apart
UNION ALL
SELECT 'pg_attrdef', pg_attrdef.oid, NULL, ARRAY['pg_class:' || adrelid], 58, NULL,
       ARRAY[format('ALTER TABLE ONLY %s ALTER COLUMN %I SET DEFAULT %s', full_name, attname, pg_get_expr(adbin, adrelid))]
  FROM pg_attrdef
  JOIN relation ON relation.oid = adrelid
  JOIN pg_attribute ON attrelid = adrelid AND attnum = adnum
 WHERE attgenerated = '' AND (relkind = 'v' OR pg_attrdef.oid IN (SELECT objid FROM far))
