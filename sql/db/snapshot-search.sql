-- Text search.
SELECT format('text search configuration %I.%I', nspname, cfgname),
       concat_ws(' ', 'parser', (pg_identify_object('pg_ts_parser'::regclass, cfgparser, 0)).identity,
                 (SELECT string_agg(alias || ': ' || dictionaries, ', ' ORDER BY alias)
                    FROM (SELECT alias, string_agg(mapdict::regdictionary::text, ' ' ORDER BY mapseqno) AS dictionaries
                            FROM pg_ts_config_map JOIN ts_token_type(cfgparser) ON tokid = maptokentype
                           WHERE mapcfg = config.oid GROUP BY alias) AS mapping)), NULL, NULL
  FROM pg_ts_config AS config JOIN app_schema ON app_schema.oid = cfgnamespace
 WHERE ('pg_ts_config'::regclass, config.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('text search dictionary %I.%I', nspname, dictname),
       concat_ws(' ', 'template', (pg_identify_object('pg_ts_template'::regclass, dicttemplate, 0)).identity, dictinitoption), NULL, NULL
  FROM pg_ts_dict JOIN app_schema ON app_schema.oid = dictnamespace
 WHERE ('pg_ts_dict'::regclass, pg_ts_dict.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('text search parser %I.%I', nspname, prsname),
       concat_ws(' ', prsstart, prstoken, prsend, prsheadline, prslextype), NULL, NULL
  FROM pg_ts_parser JOIN app_schema ON app_schema.oid = prsnamespace
 WHERE ('pg_ts_parser'::regclass, pg_ts_parser.oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('text search template %I.%I', nspname, tmplname), concat_ws(' ', tmplinit, tmpllexize), NULL, NULL
  FROM pg_ts_template JOIN app_schema ON app_schema.oid = tmplnamespace
 WHERE ('pg_ts_template'::regclass, pg_ts_template.oid) NOT IN (SELECT classid, objid FROM extension_member)
