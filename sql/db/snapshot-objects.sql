-- Every object as the catalogs know it, with the key that the snapshot gives it, the table it belongs to (or itself), its
-- owner where it has one of its own, and its privileges with their kind for acldefault().
SELECT 'pg_namespace'::regclass::oid AS classid, oid AS objid, 'schema ' || quote_ident(nspname) AS label,
       'schema ' || quote_ident(nspname) AS belongs, nspowner AS owner, 'n' AS letter, nspacl AS acl
  FROM app_schema
UNION ALL
SELECT 'pg_class'::regclass, relation.oid, kind || ' ' || relation.full_name,
       coalesce(indrelid::regclass::text, table_oid::regclass::text, relation.full_name),
       CASE WHEN relkind NOT IN ('i', 'I', 'c') AND table_oid IS NULL THEN relowner END,
       CASE relkind WHEN 'S' THEN 's' ELSE 'r' END, relacl
  FROM relation
  LEFT JOIN pg_index ON indexrelid = relation.oid
  LEFT JOIN owned_sequence ON owned_sequence.oid = relation.oid
 WHERE relkind <> 'c'
UNION ALL
SELECT 'pg_proc'::regclass, oid, 'function ' || full_name, 'function ' || full_name, proowner, 'f', proacl FROM routine
UNION ALL
SELECT 'pg_type'::regclass, oid, 'type ' || full_name, full_name, typowner, 'T', typacl FROM app_type
UNION ALL
SELECT 'pg_constraint'::regclass, oid, format('constraint %s %I', owner_name, conname), owner_name, NULL, NULL, NULL
  FROM app_constraint
UNION ALL
SELECT 'pg_trigger'::regclass, pg_trigger.oid, format('trigger %s %I', full_name, tgname), full_name, NULL, NULL, NULL
  FROM pg_trigger JOIN relation ON relation.oid = tgrelid WHERE NOT tgisinternal
UNION ALL
SELECT 'pg_policy'::regclass, pg_policy.oid, format('policy %s %I', full_name, polname), full_name, NULL, NULL, NULL
  FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
SELECT 'pg_rewrite'::regclass, pg_rewrite.oid, format('rule %s %I', full_name, rulename), full_name, NULL, NULL, NULL
  FROM pg_rewrite JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'pg_statistic_ext'::regclass, statistic.oid, format('statistics %I.%I', nspname, stxname),
       stxrelid::regclass::text, stxowner, NULL, NULL
  FROM pg_statistic_ext AS statistic JOIN app_schema ON app_schema.oid = stxnamespace
UNION ALL
SELECT 'pg_collation'::regclass, collation_.oid, format('collation %I.%I', nspname, collname), NULL, collowner, NULL, NULL
  FROM pg_collation AS collation_ JOIN app_schema ON app_schema.oid = collnamespace
UNION ALL
SELECT 'pg_conversion'::regclass, pg_conversion.oid, format('conversion %I.%I', nspname, conname), NULL, conowner, NULL, NULL
  FROM pg_conversion JOIN app_schema ON app_schema.oid = connamespace
UNION ALL
SELECT 'pg_operator'::regclass, operator_.oid, 'operator ' || operator_.oid::regoperator, NULL, oprowner, NULL, NULL
  FROM pg_operator AS operator_ JOIN app_schema ON app_schema.oid = oprnamespace
UNION ALL
SELECT 'pg_opfamily'::regclass, family.oid, format('operator family %I.%I using %I', nspname, opfname, amname), NULL,
       opfowner, NULL, NULL
  FROM pg_opfamily AS family JOIN app_schema ON app_schema.oid = opfnamespace JOIN pg_am ON pg_am.oid = opfmethod
UNION ALL
SELECT 'pg_opclass'::regclass, class.oid, format('operator class %I.%I using %I', nspname, opcname, amname), NULL,
       opcowner, NULL, NULL
  FROM pg_opclass AS class JOIN app_schema ON app_schema.oid = opcnamespace JOIN pg_am ON pg_am.oid = opcmethod
UNION ALL
SELECT 'pg_ts_config'::regclass, pg_ts_config.oid, format('text search configuration %I.%I', nspname, cfgname), NULL,
       cfgowner, NULL, NULL
  FROM pg_ts_config JOIN app_schema ON app_schema.oid = cfgnamespace
UNION ALL
SELECT 'pg_ts_dict'::regclass, pg_ts_dict.oid, format('text search dictionary %I.%I', nspname, dictname), NULL,
       dictowner, NULL, NULL
  FROM pg_ts_dict JOIN app_schema ON app_schema.oid = dictnamespace
UNION ALL
SELECT 'pg_ts_parser'::regclass, pg_ts_parser.oid, format('text search parser %I.%I', nspname, prsname), NULL,
       NULL, NULL, NULL
  FROM pg_ts_parser JOIN app_schema ON app_schema.oid = prsnamespace
UNION ALL
SELECT 'pg_ts_template'::regclass, pg_ts_template.oid, format('text search template %I.%I', nspname, tmplname), NULL,
       NULL, NULL, NULL
  FROM pg_ts_template JOIN app_schema ON app_schema.oid = tmplnamespace
UNION ALL
SELECT 'pg_cast'::regclass, oid, format('cast (%s as %s)', castsource::regtype, casttarget::regtype), NULL, NULL, NULL, NULL
  FROM pg_cast WHERE $1::text[] IS NULL AND oid >= 16384
UNION ALL
-- Those that initdb made are told only where somebody gave or took their USAGE.
SELECT 'pg_language'::regclass, oid, 'language ' || quote_ident(lanname), NULL, CASE WHEN oid >= 16384 THEN lanowner END, 'l', lanacl
  FROM pg_language WHERE $1::text[] IS NULL AND (oid >= 16384 OR lanacl IS NOT NULL)
UNION ALL
SELECT 'pg_am'::regclass, oid, 'access method ' || quote_ident(amname), NULL, NULL, NULL, NULL
  FROM pg_am WHERE $1::text[] IS NULL AND oid >= 16384
UNION ALL
SELECT 'pg_transform'::regclass, oid, 'transform ' || (pg_identify_object('pg_transform'::regclass, oid, 0)).identity,
       NULL, NULL, NULL, NULL
  FROM pg_transform WHERE $1::text[] IS NULL
UNION ALL
SELECT 'pg_extension'::regclass, oid, 'extension ' || quote_ident(extname), NULL, NULL, NULL, NULL
  FROM pg_extension WHERE $1::text[] IS NULL AND extname <> 'plpgsql'
UNION ALL
SELECT 'pg_event_trigger'::regclass, oid, 'event trigger ' || quote_ident(evtname), NULL, evtowner, NULL, NULL
  FROM pg_event_trigger WHERE $1::text[] IS NULL
UNION ALL
SELECT 'pg_publication'::regclass, oid, 'publication ' || quote_ident(pubname), NULL, pubowner, NULL, NULL
  FROM pg_publication WHERE $1::text[] IS NULL
UNION ALL
SELECT 'pg_subscription'::regclass, pg_subscription.oid, 'subscription ' || quote_ident(subname), NULL, subowner, NULL, NULL
  FROM pg_subscription JOIN pg_database ON pg_database.oid = subdbid AND datname = current_database()
 WHERE $1::text[] IS NULL
UNION ALL
SELECT 'pg_foreign_data_wrapper'::regclass, oid, 'foreign data wrapper ' || quote_ident(fdwname), NULL, fdwowner, 'F', fdwacl
  FROM pg_foreign_data_wrapper WHERE $1::text[] IS NULL
UNION ALL
SELECT 'pg_foreign_server'::regclass, oid, 'server ' || quote_ident(srvname), NULL, srvowner, 'S', srvacl
  FROM pg_foreign_server WHERE $1::text[] IS NULL
UNION ALL
-- Its owner is the administrator's choice and no part of a schema.
SELECT 'pg_database'::regclass, oid, 'the database', NULL, NULL, 'd', datacl
  FROM pg_database WHERE $1::text[] IS NULL AND datname = current_database()
