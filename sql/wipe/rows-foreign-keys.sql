-- Every foreign key that a DELETE heeds, as it was declared: without the copies that PostgreSQL keeps for partitions, and
-- without those that are not enforced. "match" compares a row of the parent with one of the child by the key's own
-- operators and, where the collations differ, in the parent's; null equals nothing, so such a key refers to nothing.
SELECT foreign_key.oid::int8::float8          AS oid,
       foreign_key.conname                    AS name,
       foreign_key.conrelid::int8::float8     AS child,
       foreign_key.confrelid::int8::float8    AS parent,
       key.columns,
       CASE WHEN foreign_key.confdeltype IN ('n', 'd') THEN key."changedColumns" ELSE '{}' END AS "changedColumns",
       -- A column that may not be null keeps ON DELETE SET NULL from working: such a row stands in the way.
       foreign_key.confdeltype = 'n' AND key."hasNotNull" AS "isImpossible",
       key.match,
       CASE foreign_key.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                    WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END AS "onDelete"
  FROM pg_constraint AS foreign_key
 -- Columns that older servers do not have: PostgreSQL 15 brought lists of columns, 18 constraints that are not enforced.
 CROSS JOIN LATERAL (SELECT to_jsonb(foreign_key) AS row) AS newer
 CROSS JOIN LATERAL (
       SELECT array_agg(child.attname::text ORDER BY pair.position)                                AS columns,
              coalesce(array_agg(child.attname::text ORDER BY pair.position) FILTER (WHERE changed."is"), '{}') AS "changedColumns",
              coalesce(bool_or(child.attnotnull) FILTER (WHERE changed."is"), false)               AS "hasNotNull",
              string_agg(format('parent.%I OPERATOR(%I.%s) child.%I%s', parent.attname, schema.nspname, operator.oprname, child.attname,
                CASE WHEN parent.attcollation <> child.attcollation AND parent.attcollation <> 0
                     THEN (SELECT format(' COLLATE %I.%I', nspname, collname)
                             FROM pg_collation JOIN pg_namespace ON pg_namespace.oid = collnamespace
                            WHERE pg_collation.oid = parent.attcollation) END), ' AND ' ORDER BY pair.position) AS match
         FROM unnest(foreign_key.conkey, foreign_key.confkey, foreign_key.conpfeqop)
                WITH ORDINALITY AS pair (child, parent, operator, position)
         JOIN pg_attribute AS child ON child.attrelid = foreign_key.conrelid AND child.attnum = pair.child
         JOIN pg_attribute AS parent ON parent.attrelid = foreign_key.confrelid AND parent.attnum = pair.parent
         JOIN pg_operator AS operator ON operator.oid = pair.operator
         JOIN pg_namespace AS schema ON schema.oid = operator.oprnamespace
        CROSS JOIN LATERAL (
              SELECT coalesce(jsonb_typeof(newer.row -> 'confdelsetcols'), 'null') <> 'array'
                  OR newer.row -> 'confdelsetcols' @> to_jsonb(pair.child) AS "is") AS changed) AS key
 WHERE foreign_key.contype = 'f'
   AND foreign_key.conparentid = 0
   AND coalesce((newer.row ->> 'conenforced')::boolean, true)
 ORDER BY foreign_key.conname, foreign_key.oid
