-- Foreign keys of the given tables, and their other constraints that are not validated: those bind new rows, although
-- the rows of a backup may predate them. Only where they are declared; heirs follow.
SELECT namespace.nspname                             AS schema,
       class.relname                                 AS "table",
       item.conname                                  AS name,
       item.contype = 'f'                            AS "isForeignKey",
       item.convalidated                             AS "isValidated",
       CASE WHEN parent.oid IS NOT NULL
            THEN json_build_object('schema', parent_namespace.nspname, 'name', parent.relname) END AS "references",
       pg_get_constraintdef(item.oid)                AS definition,
       obj_description(item.oid, 'pg_constraint')    AS comment
  FROM pg_constraint AS item
  JOIN pg_class AS class ON class.oid = item.conrelid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
  LEFT JOIN pg_class AS parent ON parent.oid = item.confrelid
  LEFT JOIN pg_namespace AS parent_namespace ON parent_namespace.oid = parent.relnamespace
 WHERE item.conrelid = ANY ($1::oid[])
   AND item.conparentid = 0
   AND item.coninhcount = 0
   AND (item.contype = 'f' OR item.contype IN ('c', 'n') AND NOT item.convalidated)
 ORDER BY namespace.nspname, class.relname, item.conname
