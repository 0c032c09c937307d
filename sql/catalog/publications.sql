SELECT 'pg_publication' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 124 AS rank, pg_get_userbyid(pubowner)::text AS owner,
       ARRAY[format('CREATE PUBLICATION %I%s WITH (%s)', pubname, CASE WHEN puballtables THEN ' FOR ALL TABLES' END,
                    concat_ws(', ', format('publish = %L', concat_ws(', ', CASE WHEN pubinsert THEN 'insert' END, CASE WHEN pubupdate THEN 'update' END,
                                                                     CASE WHEN pubdelete THEN 'delete' END, CASE WHEN pubtruncate THEN 'truncate' END)),
                              'publish_generated_columns = ' || CASE pubgencols WHEN 's' THEN 'stored' WHEN 'n' THEN NULL END, --@18
                              CASE WHEN pubviaroot THEN 'publish_via_partition_root = true' END))] AS sql
  FROM pg_publication
 WHERE ('pg_publication'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
UNION ALL
SELECT 'pg_publication_rel', rel.oid, NULL, NULL, 126, NULL,
       ARRAY[concat_ws(' ', format('ALTER PUBLICATION %I ADD TABLE ONLY %s', pubname, full_name),
                       (SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')'
                          FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs)),
                       'WHERE (' || pg_get_expr(prqual, prrelid) || ')')]
  FROM pg_publication_rel AS rel
  JOIN pg_publication ON pg_publication.oid = prpubid
  JOIN relation ON relation.oid = prrelid
UNION ALL
SELECT 'pg_publication_namespace', pg_publication_namespace.oid, NULL, NULL, 126, NULL,
       ARRAY[format('ALTER PUBLICATION %I ADD TABLES IN SCHEMA %I', pubname, nspname)]
  FROM pg_publication_namespace
  JOIN pg_publication ON pg_publication.oid = pnpubid
  JOIN pg_namespace ON pg_namespace.oid = pnnspid
