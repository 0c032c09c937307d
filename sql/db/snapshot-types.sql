-- Types, casts, operators, collations and conversions.
SELECT 'type ' || full_name,
       CASE typtype
           WHEN 'e' THEN 'enum ' || coalesce((SELECT string_agg(quote_literal(enumlabel), ', ' ORDER BY enumsortorder)
                                                FROM pg_enum WHERE enumtypid = app_type.oid), '')
           WHEN 'd' THEN concat_ws(' ', 'domain', format_type(typbasetype, typtypmod),
                                   (SELECT 'collate ' || app_type.typcollation::regcollation FROM pg_type AS base
                                     WHERE base.oid = app_type.typbasetype AND base.typcollation <> app_type.typcollation),
                                   CASE WHEN typnotnull THEN 'not null' END, 'default ' || typdefault)
           WHEN 'r' THEN (SELECT concat_ws(' ', 'range of', format_type(rngsubtype, NULL), 'collate ' || nullif(rngcollation, 0)::regcollation,
                                           'opclass', (pg_identify_object('pg_opclass'::regclass, rngsubopc, 0)).identity,
                                           'canonical ' || nullif(rngcanonical::text, '-'), 'difference ' || nullif(rngsubdiff::text, '-'),
                                           'multirange ' || rngmultitypid::regtype, --@14
                                           '')
                            FROM pg_range WHERE rngtypid = app_type.oid)
           WHEN 'b' THEN concat_ws(' ', 'base', typlen, CASE WHEN typbyval THEN 'by value' END, typcategory, typalign, typstorage, typdelim,
                                   typinput, typoutput, typreceive, typsend, typmodin, typmodout, typanalyze, 'default ' || typdefault)
           WHEN 'p' THEN 'shell'
           ELSE 'composite' END,
       full_name, NULL
  FROM app_type
UNION ALL
SELECT format('cast (%s as %s)', castsource::regtype, casttarget::regtype),
       concat_ws(' ', CASE castmethod WHEN 'f' THEN 'with function ' || castfunc::regprocedure WHEN 'i' THEN 'with inout' ELSE 'without function' END,
                 CASE castcontext WHEN 'a' THEN 'as assignment' WHEN 'i' THEN 'as implicit' END), NULL, json_build_object('madeBy', maker)
  FROM pg_cast
  LEFT JOIN made_by_range ON classid = 'pg_cast'::regclass AND objid = oid
 WHERE $1::text[] IS NULL AND oid >= 16384
   AND ('pg_cast'::regclass, oid) NOT IN (SELECT member.classid, member.objid FROM extension_member AS member)
UNION ALL
SELECT 'operator ' || operator_.oid::regoperator,
       concat_ws(' ', 'function', oprcode, 'commutator ' || nullif(oprcom, 0)::regoperator, 'negator ' || nullif(oprnegate, 0)::regoperator,
                 'restrict ' || nullif(oprrest::text, '-'), 'join ' || nullif(oprjoin::text, '-'),
                 CASE WHEN oprcanhash THEN 'hashes' END, CASE WHEN oprcanmerge THEN 'merges' END), NULL, NULL
  FROM pg_operator AS operator_ JOIN app_schema ON app_schema.oid = oprnamespace
 -- One that is only named as another's commutator has no function yet.
 WHERE ('pg_operator'::regclass, operator_.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('operator family %I.%I using %I', nspname, opfname, amname),
       concat_ws(', ',
                 (SELECT string_agg(concat_ws(' ', amopstrategy, amopopr::regoperator,
                                              'for order by ' || (pg_identify_object('pg_opfamily'::regclass, nullif(amopsortfamily, 0), 0)).identity),
                                    ', ' ORDER BY amopstrategy, amopopr::regoperator::text)
                    FROM pg_amop WHERE amopfamily = family.oid),
                 (SELECT string_agg(format('%s (%s, %s) %s', amprocnum, amproclefttype::regtype, amprocrighttype::regtype, amproc::regprocedure),
                                    ', ' ORDER BY amprocnum, amproclefttype::regtype::text, amprocrighttype::regtype::text)
                    FROM pg_amproc WHERE amprocfamily = family.oid)), NULL, NULL
  FROM pg_opfamily AS family JOIN app_schema ON app_schema.oid = opfnamespace JOIN pg_am ON pg_am.oid = opfmethod
 WHERE ('pg_opfamily'::regclass, family.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('operator class %I.%I using %I', nspname, opcname, amname),
       concat_ws(' ', CASE WHEN opcdefault THEN 'default' END, 'for', opcintype::regtype, 'stored as ' || nullif(opckeytype, 0)::regtype,
                 'family', (pg_identify_object('pg_opfamily'::regclass, opcfamily, 0)).identity), NULL, NULL
  FROM pg_opclass AS class JOIN app_schema ON app_schema.oid = opcnamespace JOIN pg_am ON pg_am.oid = opcmethod
 WHERE ('pg_opclass'::regclass, class.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
-- The version of its library is the server's, and not told.
SELECT format('collation %I.%I', nspname, collname),
       concat_ws(' ', 'provider', CASE collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin' ELSE 'default' END,
                 'lc_collate ' || quote_literal(collcollate), 'lc_ctype ' || quote_literal(collctype),
                 'locale ' || quote_literal(colllocale), --@17
                 'locale ' || quote_literal(to_jsonb(collation_) ->> 'colliculocale'), --@<17
                 'rules ' || quote_literal(collicurules), --@16
                 CASE WHEN collisdeterministic THEN 'deterministic' ELSE 'nondeterministic' END,
                 'encoding ' || nullif(pg_encoding_to_char(collencoding), '')), NULL, NULL
  FROM pg_collation AS collation_ JOIN app_schema ON app_schema.oid = collnamespace
 WHERE ('pg_collation'::regclass, collation_.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('conversion %I.%I', nspname, conname),
       concat_ws(' ', CASE WHEN condefault THEN 'default' END, pg_encoding_to_char(conforencoding), 'to', pg_encoding_to_char(contoencoding), conproc), NULL, NULL
  FROM pg_conversion JOIN app_schema ON app_schema.oid = connamespace
 WHERE ('pg_conversion'::regclass, pg_conversion.oid) NOT IN (SELECT classid, objid FROM extension_member)
