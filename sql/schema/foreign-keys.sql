-- Every foreign key between the app's tables; partitions repeat their root's, so only the declared ones count.
SELECT foreign_key.conname                                       AS name,
       json_build_object('schema', child_schema.nspname, 'name', child.relname)   AS "table",
       json_build_object('schema', parent_schema.nspname, 'name', parent.relname) AS "references",
       ARRAY(SELECT attname::text FROM unnest(foreign_key.conkey) WITH ORDINALITY AS key (number, position)
               JOIN pg_attribute ON attrelid = child.oid AND attnum = key.number ORDER BY key.position)  AS columns,
       ARRAY(SELECT attname::text FROM unnest(foreign_key.confkey) WITH ORDINALITY AS key (number, position)
               JOIN pg_attribute ON attrelid = parent.oid AND attnum = key.number ORDER BY key.position) AS "referencedColumns",
       CASE foreign_key.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                    WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END AS "onDelete",
       foreign_key.convalidated                                  AS "isValidated",
       EXISTS (SELECT FROM pg_index AS index
                WHERE index.indrelid = child.oid AND index.indisvalid AND index.indpred IS NULL
                  AND (index.indkey::int2[])[0:cardinality(foreign_key.conkey) - 1] @> foreign_key.conkey) AS "hasIndex",
       pg_get_constraintdef(foreign_key.oid)                     AS definition
  FROM pg_constraint AS foreign_key
  JOIN pg_class AS child ON child.oid = foreign_key.conrelid
  JOIN pg_namespace AS child_schema ON child_schema.oid = child.relnamespace
  JOIN pg_class AS parent ON parent.oid = foreign_key.confrelid
  JOIN pg_namespace AS parent_schema ON parent_schema.oid = parent.relnamespace
 WHERE foreign_key.contype = 'f'
   AND foreign_key.conparentid = 0
   AND child_schema.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
 ORDER BY child_schema.nspname, child.relname, foreign_key.conname
