-- What is declared but not held: constraints that were never validated, triggers that are switched off. Foreign keys
-- that wait for validation come with the foreign keys; what is NOT ENFORCED (PostgreSQL 18) is so on purpose.
SELECT json_build_object('schema', namespace.nspname, 'name', relation.relname) AS "table",
       found.kind, found.name
  FROM (SELECT conrelid AS relation, 'constraint' AS kind, conname AS name
          FROM pg_constraint
         WHERE contype IN ('c', 'n') AND NOT convalidated AND conparentid = 0
           AND coalesce(to_jsonb(pg_constraint) ->> 'conenforced', 'true') = 'true'
        UNION ALL
        SELECT pg_trigger.tgrelid, CASE contype WHEN 'f' THEN 'foreign key' ELSE 'trigger' END,
               coalesce(pg_constraint.conname, tgname)
          FROM pg_trigger LEFT JOIN pg_constraint ON pg_constraint.oid = tgconstraint
         WHERE tgenabled = 'D'
         GROUP BY 1, 2, 3) AS found
  JOIN pg_class AS relation ON relation.oid = found.relation
  JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
 WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e')
 ORDER BY namespace.nspname, relation.relname, found.kind, found.name
