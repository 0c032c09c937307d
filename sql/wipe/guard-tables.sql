-- Tables $1.$2 that would lose something and are protected: $3.$4 are, with everything that is a partition of them or
-- inherits from them. A partitioned table loses the rows of its partitions; another one stands for itself alone.
WITH RECURSIVE lost AS (
  SELECT class.oid
    FROM unnest($1::text[], $2::text[]) AS given (schema, name)
    JOIN pg_namespace AS namespace ON namespace.nspname = given.schema
    JOIN pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = given.name
   UNION
  SELECT part.inhrelid
    FROM lost
    JOIN pg_class AS root ON root.oid = lost.oid AND root.relkind = 'p'
    JOIN pg_inherits AS part ON part.inhparent = root.oid
), guarded AS (
  SELECT class.oid, given.schema, given.name
    FROM unnest($3::text[], $4::text[]) AS given (schema, name)
    JOIN pg_namespace AS namespace ON namespace.nspname = given.schema
    JOIN pg_class AS class ON class.relnamespace = namespace.oid AND class.relname = given.name
   UNION
  SELECT part.inhrelid, guarded.schema, guarded.name
    FROM guarded
    JOIN pg_inherits AS part ON part.inhparent = guarded.oid
)
SELECT namespace.nspname AS "lostSchema", class.relname AS "lostName", guarded.schema, guarded.name
  FROM lost
  JOIN guarded USING (oid)
  JOIN pg_class AS class ON class.oid = lost.oid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 ORDER BY 1, 2, 3, 4
