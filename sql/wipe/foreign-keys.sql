-- Every foreign key row of the catalog, with the copies that PostgreSQL keeps for partitions: TRUNCATE follows exactly these.
SELECT foreign_key.oid::int8::float8          AS oid,
       foreign_key.conname                    AS name,
       foreign_key.conrelid::int8::float8     AS child,
       foreign_key.confrelid::int8::float8    AS parent,
       foreign_key.conparentid::int8::float8  AS "copyOf",
       ARRAY(SELECT attname::text FROM unnest(foreign_key.conkey) WITH ORDINALITY AS key (number, position)
               JOIN pg_attribute ON attrelid = foreign_key.conrelid AND attnum = key.number
              ORDER BY key.position)          AS columns,
       CASE foreign_key.confdeltype WHEN 'a' THEN 'NO ACTION' WHEN 'r' THEN 'RESTRICT' WHEN 'c' THEN 'CASCADE'
                                    WHEN 'n' THEN 'SET NULL' WHEN 'd' THEN 'SET DEFAULT' END AS "onDelete"
  FROM pg_constraint AS foreign_key
 WHERE foreign_key.contype = 'f'
 ORDER BY foreign_key.conname, foreign_key.oid
