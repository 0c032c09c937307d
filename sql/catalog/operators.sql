, operator_name AS (
    SELECT pg_operator.oid, format('OPERATOR(%I.%s)', nspname, oprname) AS full_name, format('%I.%s', nspname, oprname) AS plain_name
      FROM pg_operator JOIN pg_namespace ON pg_namespace.oid = oprnamespace
), family AS (
    SELECT pg_opfamily.*, format('%I.%I', nspname, opfname) AS full_name, quote_ident(amname) AS method
      FROM pg_opfamily JOIN pg_namespace ON pg_namespace.oid = opfnamespace JOIN pg_am ON pg_am.oid = opfmethod
), item AS (
    -- Of a class, or loose in a family.
    SELECT refclassid AS owner_class, refobjid AS owner_oid, 1 AS kind, amopstrategy AS number,
           format('OPERATOR %s %s(%s, %s)', amopstrategy, plain_name, format_type(amoplefttype, NULL), format_type(amoprighttype, NULL))
             || coalesce((SELECT ' FOR ORDER BY ' || sort.full_name FROM family AS sort WHERE sort.oid = amopsortfamily), '') AS sql
      FROM pg_amop
      JOIN pg_depend ON classid = 'pg_amop'::regclass AND objid = pg_amop.oid AND refclassid IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass)
      JOIN operator_name ON operator_name.oid = amopopr
     UNION ALL
    SELECT refclassid, refobjid, 2, amprocnum,
           format('FUNCTION %s (%s, %s) %s', amprocnum, format_type(amproclefttype, NULL), format_type(amprocrighttype, NULL), amproc::regprocedure)
      FROM pg_amproc
      JOIN pg_depend ON classid = 'pg_amproc'::regclass AND objid = pg_amproc.oid AND refclassid IN ('pg_opclass'::regclass, 'pg_opfamily'::regclass)
)
SELECT 'pg_operator' AS catalog, operator_.oid AS object, NULL AS part, NULL::text[] AS needs, 32 AS rank, pg_get_userbyid(oprowner)::text AS owner,
       ARRAY[format('CREATE OPERATOR %s (%s)', named.plain_name,
                    concat_ws(', ', 'FUNCTION = ' || oprcode, 'LEFTARG = ' || format_type(nullif(oprleft, 0), NULL),
                              'RIGHTARG = ' || format_type(nullif(oprright, 0), NULL),
                              'COMMUTATOR = ' || commutator.full_name, 'NEGATOR = ' || negator.full_name,
                              'RESTRICT = ' || nullif(oprrest, 0)::regproc, 'JOIN = ' || nullif(oprjoin, 0)::regproc,
                              CASE WHEN oprcanhash THEN 'HASHES' END, CASE WHEN oprcanmerge THEN 'MERGES' END))] AS sql
  FROM pg_operator AS operator_
  JOIN app_schema ON app_schema.oid = oprnamespace
  JOIN operator_name AS named ON named.oid = operator_.oid
  LEFT JOIN operator_name AS commutator ON commutator.oid = oprcom
  LEFT JOIN operator_name AS negator ON negator.oid = oprnegate
 WHERE oprcode <> 0 AND ('pg_operator'::regclass, operator_.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_opfamily', family.oid, NULL, NULL, 34, pg_get_userbyid(opfowner),
       ARRAY[format('CREATE OPERATOR FAMILY %s USING %s', family.full_name, method)]
         || CASE WHEN items.sql IS NOT NULL THEN ARRAY[format('ALTER OPERATOR FAMILY %s USING %s ADD %s', family.full_name, method, items.sql)] END
  FROM family
  JOIN app_schema ON app_schema.oid = opfnamespace
 CROSS JOIN LATERAL (SELECT string_agg(item.sql, ', ' ORDER BY kind, number, item.sql) AS sql FROM item
                      WHERE owner_class = 'pg_opfamily'::regclass AND owner_oid = family.oid) AS items
 WHERE ('pg_opfamily'::regclass, family.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_opclass', class.oid, NULL, NULL, 36, pg_get_userbyid(opcowner),
       ARRAY[format('CREATE OPERATOR CLASS %I.%I %sFOR TYPE %s USING %s FAMILY %s AS %s', nspname, opcname,
                    CASE WHEN opcdefault THEN 'DEFAULT ' END, format_type(opcintype, NULL), method, family.full_name,
                    coalesce(nullif(concat_ws(', ', 'STORAGE ' || format_type(nullif(opckeytype, 0), NULL), items.sql), ''),
                             'STORAGE ' || format_type(opcintype, NULL)))]
  FROM pg_opclass AS class
  JOIN app_schema ON app_schema.oid = opcnamespace
  JOIN family ON family.oid = opcfamily
 CROSS JOIN LATERAL (SELECT string_agg(item.sql, ', ' ORDER BY kind, number, item.sql) AS sql FROM item
                      WHERE owner_class = 'pg_opclass'::regclass AND owner_oid = class.oid) AS items
 WHERE ('pg_opclass'::regclass, class.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_cast', pg_cast.oid, NULL, NULL, 38, NULL,
       ARRAY[format('CREATE CAST (%s AS %s) %s%s', format_type(castsource, NULL), format_type(casttarget, NULL),
                    CASE castmethod WHEN 'f' THEN 'WITH FUNCTION ' || castfunc::regprocedure WHEN 'i' THEN 'WITH INOUT' ELSE 'WITHOUT FUNCTION' END,
                    CASE castcontext WHEN 'a' THEN ' AS ASSIGNMENT' WHEN 'i' THEN ' AS IMPLICIT' END)]
  FROM pg_cast
 WHERE oid >= 16384 AND ('pg_cast'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
   -- That from a range to its multirange comes with the type.
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_cast'::regclass AND objid = pg_cast.oid
                                           AND refclassid = 'pg_type'::regclass AND deptype = 'i')
UNION ALL
SELECT 'pg_transform', pg_transform.oid, NULL, NULL, 38, NULL,
       ARRAY[format('CREATE TRANSFORM FOR %s LANGUAGE %I (%s)', format_type(trftype, NULL), lanname,
                    concat_ws(', ', 'FROM SQL WITH FUNCTION ' || nullif(trffromsql, 0)::regprocedure,
                              'TO SQL WITH FUNCTION ' || nullif(trftosql, 0)::regprocedure))]
  FROM pg_transform JOIN pg_language ON pg_language.oid = trflang
 WHERE ('pg_transform'::regclass, pg_transform.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_conversion', pg_conversion.oid, NULL, NULL, 38, pg_get_userbyid(conowner),
       ARRAY[format('CREATE %sCONVERSION %I.%I FOR %L TO %L FROM %s', CASE WHEN condefault THEN 'DEFAULT ' END, nspname, conname,
                    pg_encoding_to_char(conforencoding), pg_encoding_to_char(contoencoding), conproc)]
  FROM pg_conversion JOIN app_schema ON app_schema.oid = connamespace
 WHERE ('pg_conversion'::regclass, pg_conversion.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_collation', collation_.oid, NULL, NULL, 18, pg_get_userbyid(collowner),
       ARRAY[format('CREATE COLLATION %I.%I ', nspname, collname)
             -- For every encoding, which only a copy can be.
             || coalesce((SELECT format('FROM pg_catalog.%I', origin.collname) FROM pg_collation AS origin
                           WHERE collation_.collprovider = 'c' AND collation_.collencoding = -1
                             AND origin.collnamespace = 'pg_catalog'::regnamespace AND origin.collprovider = 'c' AND origin.collencoding = -1
                             AND origin.collcollate = collation_.collcollate AND origin.collctype = collation_.collctype
                           ORDER BY origin.oid LIMIT 1),
                         format('(%s)', concat_ws(', ',
                              'PROVIDER = ' || CASE collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' ELSE 'builtin' END,
                              CASE WHEN NOT collisdeterministic THEN 'DETERMINISTIC = false' END,
                              'LC_COLLATE = ' || quote_literal(collcollate), 'LC_CTYPE = ' || quote_literal(collctype),
                              'LOCALE = ' || quote_literal(colllocale), --@17
                              'LOCALE = ' || quote_literal(to_jsonb(collation_) ->> 'colliculocale'), --@<17
                              'RULES = ' || quote_literal(collicurules), --@16
                              NULL)))]
  FROM pg_collation AS collation_ JOIN app_schema ON app_schema.oid = collnamespace
 WHERE collprovider <> 'd' AND ('pg_collation'::regclass, collation_.oid) NOT IN (SELECT classid, objid FROM member)
