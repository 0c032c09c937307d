-- The schema as lint needs to know it, as one row: the app's objects, not the system's, an extension's or roomctl's own.
-- Whatever opens a table (its size, the text of a check) is left out where somebody holds or awaits its strongest lock:
-- lint must not stand in a queue of which it warns.
WITH RECURSIVE
spaces AS (
  SELECT oid, nspname FROM pg_namespace
   WHERE nspname NOT IN ('pg_catalog', 'information_schema', 'roomctl') AND nspname !~ '^pg_(toast|temp)'
),
locked AS (
  SELECT DISTINCT relation AS oid FROM pg_locks
   WHERE locktype = 'relation' AND mode = 'AccessExclusiveLock'
     AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
),
relations AS (
  SELECT class.*, spaces.nspname,
         EXISTS (SELECT FROM locked
                  WHERE locked.oid = class.oid OR locked.oid = class.reltoastrelid
                     OR locked.oid IN (SELECT indexrelid FROM pg_index WHERE indrelid = class.oid)) AS is_locked
    FROM (SELECT oid, relname, relnamespace, relkind, reltuples, reltoastrelid, relreplident, relpersistence FROM pg_class)
      AS class
    JOIN spaces ON spaces.oid = class.relnamespace
   WHERE class.relpersistence <> 't'
     AND NOT EXISTS (SELECT FROM pg_depend
                      WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
),
family (root, member) AS (
  SELECT oid, oid FROM relations WHERE relkind IN ('r', 'p', 'f')
   UNION
  SELECT family.root, inherits.inhrelid
    FROM family
    JOIN relations AS parent ON parent.oid = family.member AND parent.relkind = 'p'
    JOIN pg_inherits AS inherits ON inherits.inhparent = family.member
),
sizes AS (
  SELECT family.root,
         sum(CASE WHEN relations.reltuples >= 0 THEN relations.reltuples END)::float8 AS rows,
         sum(CASE WHEN NOT relations.is_locked THEN pg_total_relation_size(relations.oid) END)::float8 AS bytes
    FROM family JOIN relations ON relations.oid = family.member AND relations.relkind = 'r'
   GROUP BY family.root
),
tables AS (
  SELECT json_build_object(
           'name', json_build_object('schema', nspname, 'name', relname),
           'isPartitioned', relkind = 'p',
           'hasKnownColumns', true,
           'replicaIdentity', CASE relreplident WHEN 'f' THEN 'full' WHEN 'n' THEN 'nothing' WHEN 'i' THEN 'index' ELSE 'default' END,
           'rows', sizes.rows,
           'sizeBytes', sizes.bytes,
           'columns', (SELECT coalesce(json_agg(json_build_object(
                                'name', attname,
                                'type', format_type(atttypid, atttypmod),
                                'isNotNull', attnotnull,
                                'hasDefault', atthasdef OR attidentity <> '') ORDER BY attnum), '[]')
                         FROM pg_attribute
                        WHERE attrelid = relations.oid AND attnum > 0 AND NOT attisdropped),
           'primaryKey', (SELECT json_agg(attname ORDER BY position)
                            FROM pg_index, unnest(indkey) WITH ORDINALITY AS key (number, position), pg_attribute
                           WHERE indrelid = relations.oid AND indisprimary
                             AND attrelid = relations.oid AND attnum = key.number),
           'indexes', (SELECT coalesce(json_agg(json_build_object(
                                'name', json_build_object('schema', nspname, 'name', index_class.relname),
                                'isUnique', indisunique,
                                'isPartial', indpred IS NOT NULL,
                                'isValid', indisvalid,
                                'columns', (SELECT json_agg(attname ORDER BY position)
                                              FROM unnest(indkey) WITH ORDINALITY AS key (number, position)
                                              LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = key.number
                                             WHERE position <= indnkeyatts)) ORDER BY index_class.relname), '[]')
                         FROM pg_index JOIN pg_class AS index_class ON index_class.oid = indexrelid
                        WHERE indrelid = relations.oid),
           'constraints', (SELECT coalesce(json_agg(json_build_object(
                                    'name', conname,
                                    'kind', CASE contype WHEN 'c' THEN 'check' WHEN 'f' THEN 'foreign key' WHEN 'u' THEN 'unique'
                                                         WHEN 'p' THEN 'primary key' WHEN 'x' THEN 'exclude' ELSE 'not null' END,
                                    'isValidated', convalidated,
                                    'columns', (SELECT coalesce(json_agg(attname ORDER BY position), '[]')
                                                  FROM unnest(conkey) WITH ORDINALITY AS key (number, position)
                                                  JOIN pg_attribute ON attrelid = conrelid AND attnum = key.number),
                                    'definition', CASE WHEN contype = 'c' AND NOT relations.is_locked
                                                       THEN pg_get_constraintdef(pg_constraint.oid, true) END,
                                    'references', (SELECT json_build_object('schema', target_space.nspname, 'name', target.relname)
                                                     FROM pg_class AS target
                                                     JOIN pg_namespace AS target_space ON target_space.oid = target.relnamespace
                                                    WHERE target.oid = confrelid)) ORDER BY conname), '[]')
                             FROM pg_constraint
                            WHERE conrelid = relations.oid AND contype IN ('c', 'f', 'u', 'p', 'x', 'n'))) AS entry
    FROM relations LEFT JOIN sizes ON sizes.root = relations.oid
   WHERE relkind IN ('r', 'p', 'f')
),
objects (kind, schema, name) AS (
  SELECT CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' ELSE 'sequence' END, nspname, relname::text
    FROM relations WHERE relkind IN ('v', 'm', 'S')
   UNION ALL
  SELECT 'schema', '', nspname::text FROM spaces
   UNION ALL
  SELECT 'type', nspname, typname::text
    FROM pg_type JOIN spaces ON spaces.oid = typnamespace
   WHERE typtype IN ('e', 'd', 'r', 'c')
     AND NOT EXISTS (SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind <> 'c')
   UNION ALL
  SELECT 'function', nspname, proname::text FROM pg_proc JOIN spaces ON spaces.oid = pronamespace
   UNION ALL
  SELECT 'extension', '', extname::text FROM pg_extension
   UNION ALL
  SELECT 'role', '', rolname::text FROM pg_roles
   UNION ALL
  SELECT 'trigger', nspname, relname || '.' || tgname
    FROM pg_trigger JOIN relations ON relations.oid = tgrelid WHERE NOT tgisinternal
   UNION ALL
  SELECT 'policy', nspname, relname || '.' || polname FROM pg_policy JOIN relations ON relations.oid = polrelid
   UNION ALL
  SELECT 'rule', nspname, relname || '.' || rulename
    FROM pg_rewrite JOIN relations ON relations.oid = ev_class WHERE rulename <> '_RETURN'
)
SELECT to_json(current_schemas(false)) AS "searchPath",
       (SELECT coalesce(json_agg(entry), '[]') FROM tables) AS tables,
       (SELECT coalesce(json_agg(json_build_object('kind', kind, 'schema', schema, 'name', name)), '[]') FROM objects) AS objects,
       (SELECT coalesce(json_agg(json_build_object(
                 'name', pubname,
                 'isForAllTables', puballtables,
                 'tables', (SELECT coalesce(json_agg(json_build_object('schema', schemaname, 'name', tablename)), '[]')
                              FROM pg_publication_tables
                             WHERE NOT puballtables AND pg_publication_tables.pubname = pg_publication.pubname))), '[]')
          FROM pg_publication) AS publications
