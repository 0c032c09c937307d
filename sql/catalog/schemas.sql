SELECT 'pg_namespace' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 10 AS rank, pg_get_userbyid(nspowner)::text AS owner,
       ARRAY[format('CREATE SCHEMA %s%I', CASE WHEN nspname = 'public' THEN 'IF NOT EXISTS ' END, nspname)] AS sql
  FROM app_schema
 WHERE ('pg_namespace'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
-- Every new database has plpgsql. An extension's owner is whoever makes it, as with pg_dump.
SELECT 'pg_extension', pg_extension.oid, NULL, NULL, 12, NULL,
       ARRAY[format('CREATE EXTENSION IF NOT EXISTS %I WITH SCHEMA %I', extname, nspname)]
  FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace
 WHERE extname <> 'plpgsql'
UNION ALL
SELECT 'pg_language', oid, NULL, NULL, 14, pg_get_userbyid(lanowner),
       ARRAY[format('CREATE %sLANGUAGE %I', CASE WHEN lanpltrusted THEN 'TRUSTED ' END, lanname)
             || ' HANDLER ' || lanplcallfoid::regproc
             || coalesce(' INLINE ' || nullif(laninline, 0)::regproc, '')
             || coalesce(' VALIDATOR ' || nullif(lanvalidator, 0)::regproc, '')]
  FROM pg_language
 WHERE oid >= 16384 AND ('pg_language'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_am', oid, NULL, NULL, 14, NULL,
       ARRAY[format('CREATE ACCESS METHOD %I TYPE %s HANDLER %s', amname, CASE amtype WHEN 't' THEN 'TABLE' ELSE 'INDEX' END, amhandler)]
  FROM pg_am
 WHERE oid >= 16384 AND ('pg_am'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
