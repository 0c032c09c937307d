-- What is checked once the rows are there: never validated constraints, those that call functions, foreign keys.
SELECT 'pg_constraint' AS catalog, con.oid AS object, NULL AS part, ARRAY['pg_class:' || conrelid] AS needs, 110 AS rank, NULL AS owner,
       ARRAY[format('ALTER TABLE %s ADD CONSTRAINT %I %s', full_name, conname, pg_get_constraintdef(con.oid))] AS sql
  FROM pg_constraint AS con JOIN relation ON relation.oid = conrelid
 WHERE contype IN ('c', 'n') AND conislocal AND (NOT convalidated OR con.oid IN (SELECT objid FROM far))
UNION ALL
-- A child's that was checked, unlike its parent's.
SELECT 'pg_constraint', con.oid, 'valid', array_agg('pg_constraint:' || parent.oid), 111, NULL,
       ARRAY[format('ALTER TABLE ONLY %s VALIDATE CONSTRAINT %I', full_name, con.conname)]
  FROM pg_constraint AS con
  JOIN relation ON relation.oid = con.conrelid
  JOIN pg_inherits ON inhrelid = con.conrelid
  JOIN pg_constraint AS parent ON parent.conrelid = inhparent AND parent.contype = con.contype AND NOT parent.convalidated
   AND CASE con.contype WHEN 'c' THEN parent.conname = con.conname
            WHEN 'f' THEN parent.oid = con.conparentid
            -- Columns have other numbers there.
            ELSE EXISTS (SELECT FROM pg_attribute AS att JOIN pg_attribute AS from_ ON from_.attname = att.attname
                          WHERE att.attrelid = con.conrelid AND att.attnum = con.conkey[1]
                            AND from_.attrelid = inhparent AND from_.attnum = parent.conkey[1]) END
 WHERE con.contype IN ('c', 'n', 'f') AND con.convalidated AND NOT con.conislocal
 GROUP BY con.oid, full_name, con.conname
UNION ALL
-- One of a partition that is called otherwise than its parent's: made before, it is taken over.
SELECT 'pg_constraint', con.oid, NULL,
       ARRAY['pg_class:' || con.conrelid, 'pg_class:' || con.confrelid]
         || (SELECT array_agg('pg_constraint:' || child.oid) FROM pg_constraint AS child
              WHERE child.conparentid = con.oid AND child.conname <> con.conname AND child.conrelid <> con.conrelid), 114, NULL,
       ARRAY[format('ALTER TABLE %s%s ADD CONSTRAINT %I %s', CASE WHEN relkind <> 'p' THEN 'ONLY ' END, full_name, con.conname, pg_get_constraintdef(con.oid))]
  FROM pg_constraint AS con
  JOIN relation ON relation.oid = con.conrelid
  LEFT JOIN pg_constraint AS parent ON parent.oid = con.conparentid
 WHERE con.contype = 'f' AND (parent.oid IS NULL OR parent.conname <> con.conname AND parent.conrelid <> con.conrelid)
