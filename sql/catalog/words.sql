-- What every statement of this folder begins with: whose objects are written. The caller sets search_path to nothing, so
-- that every name comes with its schema, and quote_all_identifiers to on. A line that ends in --@18 is only for
-- PostgreSQL 18 and later, --@<18 for those before.
WITH app_schema AS (
    SELECT oid, nspname, nspowner FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
), member AS (
    -- What belongs to an extension comes with it.
    SELECT classid, objid FROM pg_depend WHERE deptype = 'e'
), relation AS (
    SELECT class.*, format('%I.%I', nspname, relname) AS full_name
      FROM pg_class AS class JOIN app_schema ON app_schema.oid = relnamespace
     WHERE relpersistence <> 't' AND ('pg_class'::regclass, class.oid) NOT IN (SELECT classid, objid FROM member)
), far AS (
    -- Defaults and constraints that call functions or look at other relations: those may need the table (or domain) first.
    SELECT DISTINCT classid, objid
      FROM pg_depend
      LEFT JOIN pg_attrdef ON classid = 'pg_attrdef'::regclass AND pg_attrdef.oid = objid
      LEFT JOIN pg_constraint AS con ON classid = 'pg_constraint'::regclass AND con.oid = objid
     WHERE classid IN ('pg_attrdef'::regclass, 'pg_constraint'::regclass)
       AND (refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass)
            OR refclassid = 'pg_class'::regclass AND refobjid <> coalesce(adrelid, conrelid))
)
