-- What needs no statement of its own: constraints that are written within their table or domain, or that come with a
-- parent's, and a partition's copies of its parent's foreign keys and triggers.
SELECT 'pg_constraint' AS catalog, con.oid AS object
  FROM pg_constraint AS con JOIN relation ON relation.oid = conrelid
 WHERE CASE WHEN contype IN ('c', 'n') THEN NOT conislocal OR convalidated AND con.oid NOT IN (SELECT objid FROM far)
            ELSE contype = 'f' AND EXISTS (SELECT FROM pg_constraint AS parent
                                            WHERE parent.oid = con.conparentid AND (parent.conname = con.conname OR parent.conrelid = con.conrelid)) END
UNION ALL
SELECT 'pg_constraint', oid
  FROM pg_constraint
 WHERE contypid <> 0 AND (contype = 'n' OR contype = 'c' AND convalidated AND oid NOT IN (SELECT objid FROM far))
UNION ALL
SELECT 'pg_trigger', oid FROM pg_trigger WHERE tgparentid <> 0
