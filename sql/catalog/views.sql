-- A view's shape, without its query, is written where its query needs what needs the view.
SELECT 'pg_class' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 60 AS rank, pg_get_userbyid(relowner)::text AS owner,
       ARRAY[concat_ws(' ', CASE relkind WHEN 'v' THEN 'CREATE VIEW' ELSE 'CREATE MATERIALIZED VIEW' END, full_name,
                       (SELECT 'USING ' || quote_ident(amname) FROM pg_am WHERE pg_am.oid = relam AND amname <> 'heap'),
                       (SELECT 'WITH (' || string_agg(prefix || quote_ident(split_part(option, '=', 1)) || ' = '
                                                      || quote_literal(substr(option, strpos(option, '=') + 1)), ', ') || ')'
                          FROM (SELECT '' AS prefix, unnest(reloptions) AS option
                                 UNION ALL
                                SELECT 'toast.', unnest(toast.reloptions) FROM pg_class AS toast WHERE toast.oid = relation.reltoastrelid) AS options),
                       (SELECT 'TABLESPACE ' || quote_ident(spcname) FROM pg_tablespace WHERE pg_tablespace.oid = reltablespace),
                       'AS', rtrim(pg_get_viewdef(oid), ';'), CASE relkind WHEN 'm' THEN 'WITH NO DATA' END)]
         || CASE WHEN relkind = 'm' THEN
                (SELECT array_agg(format('ALTER MATERIALIZED VIEW %s ALTER COLUMN %I %s', full_name, attname, change) ORDER BY attnum, number)
                   FROM pg_attribute
                   JOIN pg_type ON pg_type.oid = atttypid
                  CROSS JOIN LATERAL (
                        SELECT 1 AS number, 'SET STATISTICS ' || attstattarget AS change WHERE attstattarget >= 0
                         UNION ALL
                        SELECT 2, 'SET STORAGE ' || CASE attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL' WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END
                         WHERE attstorage <> typstorage
                         UNION ALL
                        SELECT 3, 'SET COMPRESSION ' || CASE attcompression WHEN 'p' THEN 'pglz' ELSE 'lz4' END WHERE attcompression <> ''
                         UNION ALL
                        SELECT 4, 'SET (' || string_agg(quote_ident(split_part(option, '=', 1)) || ' = ' || quote_literal(substr(option, strpos(option, '=') + 1)), ', ') || ')'
                          FROM unnest(attoptions) AS option WHERE option NOT LIKE 'pg\_attver=%' HAVING count(*) > 0) AS changes
                  WHERE attrelid = relation.oid AND attnum > 0 AND NOT attisdropped) END
         || CASE WHEN relkind = 'm' THEN CASE relreplident WHEN 'f' THEN format('ALTER MATERIALIZED VIEW %s REPLICA IDENTITY FULL', full_name)
                                                           WHEN 'n' THEN format('ALTER MATERIALIZED VIEW %s REPLICA IDENTITY NOTHING', full_name) END END AS sql,
       CASE relkind WHEN 'v' THEN
           (SELECT format('CREATE VIEW %s AS SELECT %s', full_name,
                          string_agg(format('NULL::%s%s AS %I', format_type(atttypid, atttypmod),
                                            CASE WHEN attcollation <> typcollation THEN ' COLLATE ' || attcollation::regcollation END, attname), ', ' ORDER BY attnum))
              FROM pg_attribute JOIN pg_type ON pg_type.oid = atttypid WHERE attrelid = relation.oid AND attnum > 0) END AS shape
  FROM relation
 WHERE relkind IN ('v', 'm')
