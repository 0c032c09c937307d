-- Enabled triggers of the app on the given tables; those that enforce constraints are the system's own.
SELECT namespace.nspname AS schema,
       class.relname     AS "table",
       item.tgname       AS name,
       CASE item.tgenabled WHEN 'O' THEN 'enabled' WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END AS state
  FROM pg_trigger AS item
  JOIN pg_class AS class ON class.oid = item.tgrelid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
  LEFT JOIN pg_constraint AS owner ON owner.oid = item.tgconstraint
 WHERE item.tgrelid = ANY ($1::oid[])
   AND item.tgenabled <> 'D'
   AND (NOT item.tgisinternal OR item.tgparentid <> 0)
   AND coalesce(owner.contype, 't') = 't'
 ORDER BY namespace.nspname, class.relname, item.tgname
