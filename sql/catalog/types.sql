-- Types whose input and output are written in C (base types, ranges with a canonical function) are not here: nothing
-- writes them, so they are refused.
, app_type AS (
    SELECT type.*, format('%I.%I', nspname, typname) AS full_name
      FROM pg_type AS type JOIN app_schema ON app_schema.oid = typnamespace
     WHERE ('pg_type'::regclass, type.oid) NOT IN (SELECT classid, objid FROM member)
)
SELECT 'pg_type' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 20 AS rank, pg_get_userbyid(typowner)::text AS owner,
       ARRAY[format('CREATE TYPE %s AS ENUM (%s)', full_name,
                    (SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder) FROM pg_enum WHERE enumtypid = app_type.oid))] AS sql
  FROM app_type WHERE typtype = 'e'
UNION ALL
SELECT 'pg_type', oid, NULL, NULL, 20, pg_get_userbyid(typowner), ARRAY['CREATE TYPE ' || full_name]
  FROM app_type WHERE typtype = 'p' AND NOT typisdefined
UNION ALL
SELECT 'pg_type', oid, NULL, NULL, 20, pg_get_userbyid(typowner),
       ARRAY[format('CREATE TYPE %s AS (%s)', full_name,
                    (SELECT string_agg(concat_ws(' ', quote_ident(attname), format_type(atttypid, atttypmod),
                                                 CASE WHEN attcollation <> typcollation THEN 'COLLATE ' || attcollation::regcollation END),
                                       ', ' ORDER BY attnum)
                       FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid
                      WHERE attrelid = app_type.typrelid AND attnum > 0 AND NOT attisdropped))]
  FROM app_type
 WHERE typtype = 'c' AND EXISTS (SELECT FROM pg_class WHERE pg_class.oid = typrelid AND relkind = 'c')
UNION ALL
SELECT 'pg_type', app_type.oid, NULL, NULL, 20, pg_get_userbyid(typowner),
       ARRAY[format('CREATE TYPE %s AS RANGE (%s)', full_name,
                    concat_ws(', ', 'SUBTYPE = ' || format_type(rngsubtype, NULL),
                              (SELECT format('MULTIRANGE_TYPE_NAME = %I.%I', nspname, multi.typname)
                                 FROM pg_type AS multi JOIN pg_namespace ON pg_namespace.oid = multi.typnamespace WHERE multi.oid = rngmultitypid),
                              (SELECT format('SUBTYPE_OPCLASS = %I.%I', nspname, opcname)
                                 FROM pg_opclass JOIN pg_namespace ON pg_namespace.oid = opcnamespace WHERE pg_opclass.oid = rngsubopc),
                              'COLLATION = ' || nullif(rngcollation, 0)::regcollation,
                              'SUBTYPE_DIFF = ' || nullif(rngsubdiff, 0)::regproc))]
  FROM app_type JOIN pg_range ON rngtypid = app_type.oid
 WHERE rngcanonical = 0
UNION ALL
SELECT 'pg_type', app_type.oid, NULL, NULL, 22, pg_get_userbyid(typowner),
       ARRAY[concat_ws(' ', 'CREATE DOMAIN', full_name, 'AS', format_type(typbasetype, typtypmod),
                       (SELECT 'COLLATE ' || app_type.typcollation::regcollation FROM pg_type AS base
                         WHERE base.oid = app_type.typbasetype AND base.typcollation <> app_type.typcollation),
                       'DEFAULT ' || coalesce(pg_get_expr(typdefaultbin, 'pg_type'::regclass), quote_literal(typdefault)),
                       (SELECT format('CONSTRAINT %I', conname) FROM pg_constraint WHERE contypid = app_type.oid AND contype = 'n'),
                       CASE WHEN typnotnull THEN 'NOT NULL' END,
                       (SELECT string_agg(format('CONSTRAINT %I %s', conname, pg_get_constraintdef(con.oid)), ' ' ORDER BY conname)
                          FROM pg_constraint AS con
                         WHERE contypid = app_type.oid AND contype = 'c' AND convalidated AND con.oid NOT IN (SELECT objid FROM far)))]
  FROM app_type
 WHERE typtype = 'd'
UNION ALL
-- After the functions that it calls, which may take the domain. Old rows may break what was never validated.
SELECT 'pg_constraint', con.oid, NULL, ARRAY['pg_type:' || app_type.oid], CASE WHEN convalidated THEN 26 ELSE 112 END, NULL,
       ARRAY[format('ALTER DOMAIN %s ADD CONSTRAINT %I %s', full_name, conname, pg_get_constraintdef(con.oid))]
  FROM app_type JOIN pg_constraint AS con ON contypid = app_type.oid
 WHERE contype = 'c' AND (NOT convalidated OR con.oid IN (SELECT objid FROM far))
