-- Triggers, rules, policies, event triggers.
, actor AS (
    SELECT oid, quote_ident(rolname) AS word FROM pg_roles UNION ALL SELECT 0, 'PUBLIC'
)
SELECT 'pg_trigger' AS catalog, trigger_.oid AS object, NULL AS part, ARRAY['pg_class:' || tgrelid] AS needs, 116 AS rank, NULL AS owner,
       ARRAY[pg_get_triggerdef(trigger_.oid)]
         || CASE WHEN tgenabled <> 'O' THEN format('ALTER TABLE %s %s TRIGGER %I', full_name, state, tgname) END AS sql
  FROM pg_trigger AS trigger_
  JOIN relation ON relation.oid = tgrelid
 CROSS JOIN LATERAL (SELECT CASE tgenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END AS state) AS words
 WHERE NOT tgisinternal AND tgparentid = 0
UNION ALL
-- A partition's copy of its parent's trigger.
SELECT 'pg_trigger', trigger_.oid, 'enabled', ARRAY['pg_class:' || trigger_.tgrelid, 'pg_trigger:' || parent.oid, 'pg_trigger:' || parent.oid || '/enabled'], 117, NULL,
       ARRAY[format('ALTER TABLE ONLY %s %s TRIGGER %I', full_name,
                    CASE trigger_.tgenabled WHEN 'O' THEN 'ENABLE' WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, trigger_.tgname)]
  FROM pg_trigger AS trigger_
  JOIN pg_trigger AS parent ON parent.oid = trigger_.tgparentid
  JOIN relation ON relation.oid = trigger_.tgrelid
 WHERE parent.tgenabled <> trigger_.tgenabled
UNION ALL
SELECT 'pg_rewrite', pg_rewrite.oid, NULL, ARRAY['pg_class:' || ev_class], 118, NULL,
       ARRAY[rtrim(pg_get_ruledef(pg_rewrite.oid), ';')]
         || CASE WHEN ev_enabled <> 'O' THEN format('ALTER TABLE %s %s RULE %I', full_name,
                    CASE ev_enabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END, rulename) END
  FROM pg_rewrite JOIN relation ON relation.oid = ev_class
 WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'pg_policy', pg_policy.oid, NULL, ARRAY['pg_class:' || polrelid], 120, NULL,
       ARRAY[concat_ws(' ', format('CREATE POLICY %I ON %s AS', polname, full_name), CASE WHEN polpermissive THEN 'PERMISSIVE' ELSE 'RESTRICTIVE' END,
                       'FOR', CASE polcmd WHEN 'r' THEN 'SELECT' WHEN 'a' THEN 'INSERT' WHEN 'w' THEN 'UPDATE' WHEN 'd' THEN 'DELETE' ELSE 'ALL' END,
                       'TO', (SELECT string_agg(word, ', ' ORDER BY word) FROM actor WHERE actor.oid = ANY (polroles)),
                       'USING (' || pg_get_expr(polqual, polrelid) || ')', 'WITH CHECK (' || pg_get_expr(polwithcheck, polrelid) || ')')]
  FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
-- After the rows: a table whose owner is under its policies cannot be copied into.
SELECT 'pg_class', oid, 'security', ARRAY['pg_class:' || oid], 122, NULL,
       array_remove(ARRAY[CASE WHEN relrowsecurity THEN format('ALTER TABLE %s ENABLE ROW LEVEL SECURITY', full_name) END,
                          CASE WHEN relforcerowsecurity THEN format('ALTER TABLE ONLY %s FORCE ROW LEVEL SECURITY', full_name) END], NULL)
  FROM relation
 WHERE relrowsecurity OR relforcerowsecurity
UNION ALL
SELECT 'pg_event_trigger', oid, NULL, NULL, 140, pg_get_userbyid(evtowner),
       ARRAY[concat_ws(' ', format('CREATE EVENT TRIGGER %I ON %s', evtname, evtevent),
                       'WHEN TAG IN (' || (SELECT string_agg(quote_literal(tag), ', ') FROM unnest(evttags) AS tag) || ')',
                       'EXECUTE FUNCTION ' || evtfoid::regproc || '()')]
         || CASE WHEN evtenabled <> 'O' THEN format('ALTER EVENT TRIGGER %I %s', evtname,
                    CASE evtenabled WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END) END
  FROM pg_event_trigger
 WHERE ('pg_event_trigger'::regclass, oid) NOT IN (SELECT classid, objid FROM member)
