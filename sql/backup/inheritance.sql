-- Every pair of a table and one of its ancestors, near or far: partitions and plain inheritance alike.
WITH RECURSIVE line (child, ancestor) AS (
    SELECT inhrelid, inhparent FROM pg_inherits
    UNION
    SELECT line.child, pg_inherits.inhparent FROM line JOIN pg_inherits ON pg_inherits.inhrelid = line.ancestor
)
SELECT line.child::int8::float8 AS child,
       json_build_object('schema', namespace.nspname, 'name', class.relname) AS ancestor,
       class.relkind = 'p' AS "isPartitioned"
  FROM line
  JOIN pg_class AS class ON class.oid = line.ancestor AND class.relkind IN ('r', 'p')
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 ORDER BY 1, namespace.nspname, class.relname
