-- What ties a database to others: publications, subscriptions, foreign servers. Of options that look like secrets, and of
-- a subscription's connection, nothing is read but that they are there.
SELECT 'publication ' || quote_ident(pubname),
       concat_ws(' ', CASE WHEN puballtables THEN 'all tables' END, CASE WHEN pubinsert THEN 'insert' END,
                 CASE WHEN pubupdate THEN 'update' END, CASE WHEN pubdelete THEN 'delete' END,
                 CASE WHEN pubtruncate THEN 'truncate' END, CASE WHEN pubviaroot THEN 'via root' END,
                 'generated columns ' || nullif(pubgencols::text, 'n'), --@18
                 ''), NULL, NULL
  FROM pg_publication
 WHERE $1::text[] IS NULL
   AND ('pg_publication'::regclass, oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT format('publication %I table %s', pubname, prrelid::regclass),
       concat_ws(' ',
                 (SELECT '(' || string_agg(quote_ident(attname), ', ' ORDER BY attnum) || ')' --@15
                    FROM pg_attribute WHERE attrelid = prrelid AND attnum = ANY (prattrs)), --@15
                 'where ' || pg_get_expr(prqual, prrelid), --@15
                 ''), prrelid::regclass::text, NULL
  FROM pg_publication_rel JOIN pg_publication ON pg_publication.oid = prpubid
 WHERE $1::text[] IS NULL
UNION ALL
SELECT format('publication %I schema %s', pubname, pnnspid::regnamespace), '', NULL, NULL
  FROM pg_publication_namespace JOIN pg_publication ON pg_publication.oid = pnpubid
 WHERE $1::text[] IS NULL
UNION ALL
SELECT 'subscription ' || quote_ident(subname),
       concat_ws(' ', CASE WHEN subenabled THEN 'enabled' ELSE 'disabled' END, 'publications', array_to_string(subpublications, ', '),
                 'slot ' || subslotname, 'synchronous_commit', subsynccommit,
                 CASE WHEN subbinary THEN 'binary' END, 'streaming ' || substream::text, --@14
                 'two-phase ' || subtwophasestate::text, CASE WHEN subdisableonerr THEN 'disabled on error' END, --@15
                 'origin ' || suborigin, CASE WHEN subrunasowner THEN 'as owner' END, --@16
                 CASE WHEN NOT subpasswordrequired THEN 'no password required' END, --@16
                 CASE WHEN subfailover THEN 'failover' END, --@17
                 ''), NULL, NULL
  FROM pg_subscription JOIN pg_database ON pg_database.oid = subdbid AND datname = current_database()
 WHERE $1::text[] IS NULL
UNION ALL
SELECT key,
       concat_ws(' ', words,
                 (SELECT 'options ' || string_agg(option_name || ' ' || CASE WHEN option_name ~* 'pass|secret|token|key|credential'
                                                                             THEN '(hidden)' ELSE quote_literal(option_value) END,
                                                  ', ' ORDER BY option_name)
                    FROM pg_options_to_table(options))), belongs, NULL
  FROM (SELECT 'foreign data wrapper ' || quote_ident(fdwname) AS key,
               concat_ws(' ', 'handler', fdwhandler::regproc, 'validator', fdwvalidator::regproc) AS words, fdwoptions AS options,
               NULL AS belongs, 'pg_foreign_data_wrapper'::regclass AS classid, oid
          FROM pg_foreign_data_wrapper WHERE $1::text[] IS NULL
         UNION ALL
        SELECT 'server ' || quote_ident(srvname),
               concat_ws(' ', 'wrapper', quote_ident(fdwname), 'type ' || srvtype, 'version ' || srvversion), srvoptions,
               NULL, 'pg_foreign_server'::regclass, server.oid
          FROM pg_foreign_server AS server JOIN pg_foreign_data_wrapper AS wrapper ON wrapper.oid = srvfdw
         WHERE $1::text[] IS NULL
         UNION ALL
        SELECT format('user mapping for %s server %I', word, srvname), NULL, umoptions, NULL, NULL, NULL
          FROM pg_user_mappings JOIN role ON role.oid = umuser WHERE $1::text[] IS NULL
         UNION ALL
        SELECT 'foreign table of ' || full_name, 'server ' || quote_ident(srvname), ftoptions, full_name, NULL, NULL
          FROM pg_foreign_table
          JOIN relation ON relation.oid = ftrelid
          JOIN pg_foreign_server AS server ON server.oid = ftserver) AS far
 WHERE far.oid IS NULL OR (classid, far.oid) NOT IN (SELECT classid, objid FROM extension_member)
