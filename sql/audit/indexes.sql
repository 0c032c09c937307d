-- Every index of the app's tables; indexes of partitions repeat their parent's. "keys" spells each key column with its
-- operator class, collation and order, so that equal text means an equal key. Expressions are compared as stored trees,
-- without the positions that they had in the statement's text.
SELECT json_build_object('schema', namespace.nspname, 'name', relation.relname)  AS "table",
       namespace.nspname                                         AS schema,
       class.relname                                             AS name,
       method.amname                                             AS method,
       index.indisvalid                                          AS "isValid",
       EXISTS (SELECT FROM pg_stat_progress_create_index AS progress WHERE progress.index_relid = class.oid) AS "isBeingBuilt",
       index.indisunique OR index.indisexclusion                 AS "isUnique",
       index.indisreplident                                      AS "isReplicaIdentity",
       (SELECT constraints.conname FROM pg_constraint AS constraints
         WHERE constraints.conindid = class.oid AND constraints.contype IN ('p', 'u', 'x') LIMIT 1) AS constraint,
       class.relkind = 'I'                                       AS "isPartitioned",
       ARRAY(SELECT concat_ws(' ', CASE index.indkey[position] WHEN 0 THEN expression.tree ELSE index.indkey[position]::text END,
                              index.indclass[position], index.indcollation[position], index.indoption[position])
               FROM generate_series(0, index.indnkeyatts - 1) AS position) AS keys,
       ARRAY(SELECT index.indkey[position]::text
               FROM generate_series(index.indnkeyatts, index.indnatts - 1) AS position ORDER BY 1) AS included,
       regexp_replace(index.indpred::text, ' :location -?\d+', '', 'g') AS predicate
  FROM pg_index AS index
  JOIN pg_class AS class ON class.oid = index.indexrelid
  JOIN pg_am AS method ON method.oid = class.relam
  JOIN pg_class AS relation ON relation.oid = index.indrelid
  JOIN pg_namespace AS namespace ON namespace.oid = relation.relnamespace
 CROSS JOIN LATERAL (SELECT regexp_replace(index.indexprs::text, ' :location -?\d+', '', 'g') AS tree) AS expression
 WHERE NOT class.relispartition
   AND relation.relkind IN ('r', 'p')
   AND relation.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl')
   AND namespace.nspname !~ '^pg_(toast|temp)'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = relation.oid AND deptype = 'e')
 ORDER BY namespace.nspname, relation.relname, class.relname
