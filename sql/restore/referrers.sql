-- Tables whose foreign keys refer to some of the given ones, and that are none of them: TRUNCATE refuses for these, even
-- while they are empty.
SELECT DISTINCT namespace.nspname AS schema, class.relname AS name
  FROM pg_constraint AS item
  JOIN pg_class AS class ON class.oid = item.conrelid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE item.contype = 'f'
   AND item.confrelid = ANY ($1::oid[])
   AND item.conrelid <> ALL ($1::oid[])
 ORDER BY namespace.nspname, class.relname
