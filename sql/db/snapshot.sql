-- The words of a schema snapshot, that its branches (snapshot-*.sql) share: what belongs to the app, and what each is called.
-- $1: these schemas, or all of the app's. $2: the roles that count as the migrator, or the owner of roomctl's history.
-- A line that ends in --@15 is only for PostgreSQL 15 and later. The caller fixes search_path.
WITH app_schema AS (
    SELECT oid, nspname, nspowner, nspacl
      FROM pg_namespace
     WHERE CASE WHEN $1::text[] IS NULL
                THEN nspname !~ '^pg_' AND nspname NOT IN ('information_schema', 'roomctl')
                ELSE nspname = ANY ($1::text[]) END
), extension_member AS (
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), role AS (
    -- Another role builds the scratch database than the live one: both are "the migrator".
    SELECT oid, CASE WHEN rolname = ANY (coalesce($2::text[], ARRAY[coalesce(
                    (SELECT pg_get_userbyid(relowner) FROM pg_class
                      WHERE relname = 'migrations' AND relnamespace IN (SELECT oid FROM pg_namespace WHERE nspname = 'roomctl')),
                    current_user)::text])) THEN '<migrator>' ELSE quote_ident(rolname) END AS word
      FROM pg_roles
     UNION ALL SELECT 0, 'public'
), relation AS (
    SELECT class.oid, relname, relkind, relpersistence, relowner, relacl, reloptions, relispartition, relrowsecurity,
           relforcerowsecurity, relreplident, reltablespace, relam, reloftype, reltoastrelid, relpartbound, relnamespace,
           format('%I.%I', nspname, relname) AS full_name,
           CASE relkind WHEN 'v' THEN 'view' WHEN 'm' THEN 'materialized view' WHEN 'f' THEN 'foreign table'
                        WHEN 'S' THEN 'sequence' WHEN 'i' THEN 'index' WHEN 'I' THEN 'index' WHEN 'c' THEN 'type'
                        ELSE 'table' END AS kind
      FROM pg_class AS class JOIN app_schema ON app_schema.oid = relnamespace
     WHERE relpersistence <> 't'
       AND ('pg_class'::regclass, class.oid) NOT IN (SELECT classid, objid FROM extension_member)
), owned_sequence AS (
    SELECT relation.oid, refobjid AS table_oid, refobjid::regclass || '.' || quote_ident(attname) AS owner_column
      FROM relation
      JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = relation.oid AND deptype IN ('a', 'i')
                    AND refclassid = 'pg_class'::regclass AND refobjsubid > 0
      JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
     WHERE relkind = 'S'
), routine AS (
    SELECT proc.oid, proowner, proacl, prokind,
           format('%I.%I(%s)', nspname, proname, pg_get_function_identity_arguments(proc.oid)) AS full_name
      FROM pg_proc AS proc JOIN app_schema ON app_schema.oid = pronamespace
     WHERE ('pg_proc'::regclass, proc.oid) NOT IN (SELECT classid, objid FROM extension_member)
), app_type AS (
    -- Row types of tables, array types and multiranges come with what they belong to.
    SELECT type.*, format('%I.%I', nspname, typname) AS full_name
      FROM pg_type AS type JOIN app_schema ON app_schema.oid = typnamespace
     WHERE ('pg_type'::regclass, type.oid) NOT IN (SELECT classid, objid FROM extension_member)
       AND CASE typtype WHEN 'c' THEN EXISTS (SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c')
                        WHEN 'b' THEN NOT EXISTS (SELECT FROM pg_type AS element WHERE element.typarray = type.oid)
                        ELSE typtype <> 'm' END
), made_by_range AS (
    -- The constructors of a range type and of its multirange, and the cast between the two.
    SELECT classid, objid, 'type ' || full_name AS maker
      FROM pg_range
      JOIN app_type ON app_type.oid = rngtypid
      JOIN pg_depend ON refclassid = 'pg_type'::regclass AND deptype = 'i'
       AND refobjid = rngtypid --@<14
       AND refobjid IN (rngtypid, rngmultitypid) --@14
), app_constraint AS (
    SELECT con.*, coalesce(relation.full_name, app_type.full_name) AS owner_name
      FROM pg_constraint AS con
      LEFT JOIN relation ON relation.oid = con.conrelid
      LEFT JOIN app_type ON app_type.oid = con.contypid
     WHERE coalesce(relation.oid, app_type.oid) IS NOT NULL
)
