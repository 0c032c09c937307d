, named AS (
    SELECT 'pg_ts_dict' AS catalog, pg_ts_dict.oid, format('%I.%I', nspname, dictname) AS full_name FROM pg_ts_dict JOIN pg_namespace ON pg_namespace.oid = dictnamespace
     UNION ALL
    SELECT 'pg_ts_template', pg_ts_template.oid, format('%I.%I', nspname, tmplname) FROM pg_ts_template JOIN pg_namespace ON pg_namespace.oid = tmplnamespace
     UNION ALL
    SELECT 'pg_ts_parser', pg_ts_parser.oid, format('%I.%I', nspname, prsname) FROM pg_ts_parser JOIN pg_namespace ON pg_namespace.oid = prsnamespace
)
SELECT 'pg_ts_parser' AS catalog, parser.oid AS object, NULL AS part, NULL::text[] AS needs, 38 AS rank, NULL AS owner,
       ARRAY[format('CREATE TEXT SEARCH PARSER %I.%I (%s)', nspname, prsname,
                    concat_ws(', ', 'START = ' || prsstart, 'GETTOKEN = ' || prstoken, 'END = ' || prsend,
                              'HEADLINE = ' || nullif(prsheadline, 0)::regproc, 'LEXTYPES = ' || prslextype))] AS sql
  FROM pg_ts_parser AS parser JOIN app_schema ON app_schema.oid = prsnamespace
 WHERE ('pg_ts_parser'::regclass, parser.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_ts_template', template.oid, NULL, NULL, 38, NULL,
       ARRAY[format('CREATE TEXT SEARCH TEMPLATE %I.%I (%s)', nspname, tmplname,
                    concat_ws(', ', 'INIT = ' || nullif(tmplinit, 0)::regproc, 'LEXIZE = ' || tmpllexize))]
  FROM pg_ts_template AS template JOIN app_schema ON app_schema.oid = tmplnamespace
 WHERE ('pg_ts_template'::regclass, template.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_ts_dict', dict.oid, NULL, NULL, 39, pg_get_userbyid(dictowner),
       -- The options are kept as they are written in SQL.
       ARRAY[format('CREATE TEXT SEARCH DICTIONARY %I.%I (%s)', nspname, dictname, concat_ws(', ', 'TEMPLATE = ' || named.full_name, dictinitoption))]
  FROM pg_ts_dict AS dict
  JOIN app_schema ON app_schema.oid = dictnamespace
  JOIN named ON named.catalog = 'pg_ts_template' AND named.oid = dicttemplate
 WHERE ('pg_ts_dict'::regclass, dict.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_ts_config', config.oid, NULL, NULL, 40, pg_get_userbyid(cfgowner),
       ARRAY[format('CREATE TEXT SEARCH CONFIGURATION %I.%I (PARSER = %s)', nspname, cfgname, parser.full_name)]
         || (SELECT array_agg(format('ALTER TEXT SEARCH CONFIGURATION %I.%I ADD MAPPING FOR %I WITH %s', nspname, cfgname, alias, dictionaries) ORDER BY alias)
               FROM (SELECT alias, string_agg(dict.full_name, ', ' ORDER BY mapseqno) AS dictionaries
                       FROM pg_ts_config_map
                       JOIN ts_token_type(cfgparser) ON tokid = maptokentype
                       JOIN named AS dict ON dict.catalog = 'pg_ts_dict' AND dict.oid = mapdict
                      WHERE mapcfg = config.oid GROUP BY alias) AS mapping)
  FROM pg_ts_config AS config
  JOIN app_schema ON app_schema.oid = cfgnamespace
  JOIN named AS parser ON parser.catalog = 'pg_ts_parser' AND parser.oid = cfgparser
 WHERE ('pg_ts_config'::regclass, config.oid) NOT IN (SELECT classid, objid FROM member)
