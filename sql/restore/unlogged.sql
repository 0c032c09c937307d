-- Tables whose rows a crash of the server empties.
SELECT namespace.nspname AS schema, class.relname AS name
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind = 'r' AND class.relpersistence = 'u'
