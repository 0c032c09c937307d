-- What a table asks of the rows that are written to it. Columns are all of them, dropped ones too, in the order of the
-- plans' output lists.
SELECT namespace.nspname AS schema,
       class.relname     AS name,
       (SELECT json_agg(json_build_object('name', attname, 'isDropped', attisdropped,
                                          'isRequired', attnotnull AND attgenerated = '',
                                          'hasDefault', atthasdef OR attidentity <> '') ORDER BY attnum)
          FROM pg_catalog.pg_attribute WHERE attrelid = class.oid AND attnum > 0) AS columns,
       (SELECT coalesce(json_agg(json_build_object('kind', kind, 'name', name, 'definition', definition)
                                 ORDER BY kind, name), '[]')
          FROM (SELECT CASE contype WHEN 'c' THEN 'CHECK' WHEN 'f' THEN 'foreign key' WHEN 'u' THEN 'UNIQUE'
                                    WHEN 'p' THEN 'primary key' WHEN 'x' THEN 'EXCLUDE' ELSE 'trigger' END AS kind,
                       conname AS name, pg_get_constraintdef(oid) AS definition
                  FROM pg_catalog.pg_constraint
                 WHERE conrelid = class.oid AND contype NOT IN ('n', 't')
                UNION ALL
                -- Rows that are referenced without ON DELETE may no longer be deleted.
                SELECT 'reference', conname, pg_get_constraintdef(oid)
                  FROM pg_catalog.pg_constraint
                 WHERE confrelid = class.oid AND conrelid <> class.oid AND contype = 'f' AND conparentid = 0
                   AND confdeltype IN ('a', 'r')
                UNION ALL
                SELECT 'unique index', indexrelid::regclass::text, pg_get_indexdef(indexrelid)
                  FROM pg_catalog.pg_index
                 WHERE indrelid = class.oid AND indisunique
                   AND NOT EXISTS (SELECT FROM pg_catalog.pg_constraint WHERE conindid = indexrelid AND conrelid = indrelid)
                UNION ALL
                SELECT 'NOT NULL', attname, attname || ' NOT NULL'
                  FROM pg_catalog.pg_attribute
                 WHERE attrelid = class.oid AND attnum > 0 AND attnotnull AND NOT attisdropped AND attgenerated = ''
                UNION ALL
                SELECT 'trigger', tgname, pg_get_triggerdef(oid)
                  FROM pg_catalog.pg_trigger WHERE tgrelid = class.oid AND NOT tgisinternal AND tgenabled <> 'D'
                UNION ALL
                SELECT 'rule', rulename, pg_get_ruledef(oid)
                  FROM pg_catalog.pg_rewrite WHERE ev_class = class.oid AND rulename <> '_RETURN'
                UNION ALL
                SELECT 'policy', polname, concat_ws(' ', polcmd, pg_get_expr(polqual, polrelid),
                                                    pg_get_expr(polwithcheck, polrelid))
                  FROM pg_catalog.pg_policy WHERE polrelid = class.oid
                UNION ALL
                SELECT 'row security', class.relname, 'ROW LEVEL SECURITY' WHERE class.relrowsecurity) AS checks
       ) AS checks,
       EXISTS (SELECT FROM pg_catalog.pg_trigger
                -- BEFORE (2), INSERT (4), for each row (1).
                WHERE tgrelid = class.oid AND NOT tgisinternal AND tgenabled <> 'D' AND tgtype & 7 = 7)
         AS "hasFillingTrigger"
  FROM pg_catalog.pg_class AS class
  JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p', 'v')
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
