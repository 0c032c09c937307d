-- What a table asks of the rows that are written to it. Columns are all of them, dropped ones too, in the order of the
-- plans' output lists. Each catalog is read once, and not once for each table.
WITH app_table AS MATERIALIZED (
    SELECT class.oid, nspname, relname, relrowsecurity
      FROM pg_catalog.pg_class AS class
      JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = relnamespace
     WHERE relkind IN ('r', 'p', 'v')
       AND nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
       AND nspname !~ '^pg_(toast|temp)'
), known_column AS (
    SELECT attrelid AS table_oid,
           json_agg(json_build_object('name', attname, 'isDropped', attisdropped,
                                      'isRequired', attnotnull AND attgenerated = '',
                                      'hasDefault', atthasdef OR attidentity <> '') ORDER BY attnum) AS columns
      FROM pg_catalog.pg_attribute JOIN app_table ON app_table.oid = attrelid
     WHERE attnum > 0
     GROUP BY attrelid
), single_check AS (
    SELECT conrelid AS table_oid,
           CASE contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'foreign key' WHEN 'u' THEN 'UNIQUE'
                        WHEN 'p' THEN 'primary key' WHEN 'x' THEN 'EXCLUDE' ELSE 'trigger' END AS kind,
           conname::text AS name, pg_get_constraintdef(con.oid) AS definition
      FROM pg_catalog.pg_constraint AS con JOIN app_table ON app_table.oid = conrelid
     WHERE contype NOT IN ('n', 't')
    UNION ALL
    -- Rows that are referenced without ON DELETE may no longer be deleted.
    SELECT confrelid, 'reference', conname, pg_get_constraintdef(con.oid)
      FROM pg_catalog.pg_constraint AS con JOIN app_table ON app_table.oid = confrelid
     WHERE conrelid <> confrelid AND contype = 'f' AND conparentid = 0 AND confdeltype IN ('a', 'r')
    UNION ALL
    SELECT indrelid, 'unique index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
      FROM pg_catalog.pg_index JOIN app_table ON app_table.oid = indrelid
     WHERE indisunique
       AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
    UNION ALL
    SELECT attrelid, 'NOT NULL', attname, attname || ' NOT NULL'
      FROM pg_catalog.pg_attribute JOIN app_table ON app_table.oid = attrelid
     WHERE attnum > 0 AND attnotnull AND NOT attisdropped AND attgenerated = ''
    UNION ALL
    SELECT tgrelid, 'trigger', tgname, pg_get_triggerdef(trigger_.oid)
      FROM pg_catalog.pg_trigger AS trigger_ JOIN app_table ON app_table.oid = tgrelid
     WHERE NOT tgisinternal AND tgenabled <> 'D'
    UNION ALL
    SELECT ev_class, 'rule', rulename, pg_get_ruledef(rule_.oid)
      FROM pg_catalog.pg_rewrite AS rule_ JOIN app_table ON app_table.oid = ev_class WHERE rulename <> '_RETURN'
    UNION ALL
    SELECT polrelid, 'policy', polname,
           concat_ws(' ', polcmd, pg_get_expr(polqual, polrelid), pg_get_expr(polwithcheck, polrelid))
      FROM pg_catalog.pg_policy JOIN app_table ON app_table.oid = polrelid
    UNION ALL
    SELECT oid, 'row security', relname, 'ROW LEVEL SECURITY' FROM app_table WHERE relrowsecurity
), known_check AS (
    SELECT table_oid,
           json_agg(json_build_object('kind', kind, 'name', name, 'definition', definition) ORDER BY kind, name) AS checks
      FROM single_check GROUP BY table_oid
)
SELECT nspname AS schema, relname AS name, columns, coalesce(checks, '[]') AS checks,
       EXISTS (SELECT FROM pg_catalog.pg_trigger
                -- BEFORE (2), INSERT (4), for each row (1).
                WHERE tgrelid = app_table.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7)
         AS "hasFillingTrigger"
  FROM app_table
  LEFT JOIN known_column ON known_column.table_oid = app_table.oid
  LEFT JOIN known_check ON known_check.table_oid = app_table.oid
