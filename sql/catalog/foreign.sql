SELECT 'pg_foreign_data_wrapper' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 40 AS rank, pg_get_userbyid(fdwowner)::text AS owner,
       ARRAY[concat_ws(' ', 'CREATE FOREIGN DATA WRAPPER', quote_ident(fdwname), 'HANDLER ' || nullif(fdwhandler, 0)::regproc,
                       'VALIDATOR ' || nullif(fdwvalidator, 0)::regproc,
                       (SELECT 'OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')' FROM pg_options_to_table(fdwoptions)))] AS sql
  FROM pg_foreign_data_wrapper
 WHERE ('pg_foreign_data_wrapper'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_foreign_server', server.oid, NULL, NULL, 41, pg_get_userbyid(srvowner),
       ARRAY[concat_ws(' ', 'CREATE SERVER', quote_ident(srvname), 'TYPE ' || quote_literal(srvtype), 'VERSION ' || quote_literal(srvversion),
                       'FOREIGN DATA WRAPPER', quote_ident(fdwname),
                       (SELECT 'OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')' FROM pg_options_to_table(srvoptions)))]
  FROM pg_foreign_server AS server JOIN pg_foreign_data_wrapper AS wrapper ON wrapper.oid = srvfdw
 WHERE ('pg_foreign_server'::regclass, server.oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_user_mapping', umid, NULL, ARRAY['pg_foreign_server:' || srvid], 42, NULL,
       ARRAY[concat_ws(' ', 'CREATE USER MAPPING FOR', CASE umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(usename) END, 'SERVER', quote_ident(srvname),
                       (SELECT 'OPTIONS (' || string_agg(format('%I %L', option_name, option_value), ', ') || ')' FROM pg_options_to_table(umoptions)))]
  FROM pg_user_mappings
