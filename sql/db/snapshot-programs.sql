-- Functions, aggregates, triggers, rules, policies, languages.
SELECT 'function ' || full_name, pg_get_functiondef(oid), 'function ' || full_name, json_build_object('madeBy', maker)
  FROM routine
  LEFT JOIN made_by_range ON made_by_range.classid = 'pg_proc'::regclass AND objid = routine.oid
 WHERE prokind <> 'a'
UNION ALL
SELECT 'function ' || full_name,
       concat_ws(' ', CASE aggkind WHEN 'o' THEN 'ordered-set' WHEN 'h' THEN 'hypothetical-set' END,
                 'aggregate returning', pg_get_function_result(routine.oid),
                 'direct arguments ' || nullif(aggnumdirectargs, 0),
                 'state function', aggtransfn, 'state', format_type(aggtranstype, NULL), 'space ' || nullif(aggtransspace, 0),
                 'start ' || quote_literal(agginitval),
                 'final function ' || nullif(aggfinalfn::text, '-'), CASE WHEN aggfinalextra THEN 'with extra arguments' END,
                 CASE aggfinalmodify WHEN 's' THEN 'shares state' WHEN 'w' THEN 'changes state' ELSE 'leaves state' END,
                 'combine function ' || nullif(aggcombinefn::text, '-'), 'serialize function ' || nullif(aggserialfn::text, '-'),
                 'deserialize function ' || nullif(aggdeserialfn::text, '-'),
                 'moving state function ' || nullif(aggmtransfn::text, '-'), 'inverse function ' || nullif(aggminvtransfn::text, '-'),
                 'moving state ' || format_type(nullif(aggmtranstype, 0), NULL), 'moving space ' || nullif(aggmtransspace, 0),
                 'moving start ' || quote_literal(aggminitval),
                 'moving final function ' || nullif(aggmfinalfn::text, '-'), CASE WHEN aggmfinalextra THEN 'with extra arguments' END,
                 -- What is said of a moving aggregate's state means nothing where there is none.
                 CASE WHEN aggmtranstype <> 0 THEN
                     CASE aggmfinalmodify WHEN 's' THEN 'shares moving state' WHEN 'w' THEN 'changes moving state' ELSE 'leaves moving state' END END,
                 'sort ' || nullif(aggsortop, 0)::regoperator,
                 CASE proparallel WHEN 's' THEN 'parallel safe' WHEN 'r' THEN 'parallel restricted' END),
       'function ' || full_name, NULL
  FROM routine JOIN pg_aggregate ON aggfnoid = routine.oid JOIN pg_proc ON pg_proc.oid = routine.oid
UNION ALL
-- A partition's copy of its parent's trigger is told only where it is switched on or off by itself.
SELECT format('trigger %s %I', full_name, trigger_.tgname),
       pg_get_triggerdef(trigger_.oid)
         || CASE trigger_.tgenabled WHEN 'O' THEN '' WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica)' ELSE ' (always)' END,
       full_name, json_build_object('create', pg_get_triggerdef(trigger_.oid), 'name', quote_ident(trigger_.tgname))
  FROM pg_trigger AS trigger_
  JOIN relation ON relation.oid = trigger_.tgrelid
  LEFT JOIN pg_trigger AS parent ON parent.oid = trigger_.tgparentid
 WHERE CASE WHEN parent.oid IS NULL THEN NOT trigger_.tgisinternal ELSE parent.tgenabled <> trigger_.tgenabled END
UNION ALL
SELECT format('policy %s %I', full_name, polname),
       concat_ws(' ', CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END,
                 CASE polcmd WHEN 'r' THEN 'select' WHEN 'a' THEN 'insert' WHEN 'w' THEN 'update' WHEN 'd' THEN 'delete' ELSE 'all' END,
                 'to', (SELECT string_agg(word, ', ' ORDER BY word) FROM role WHERE role.oid = ANY (polroles)),
                 'using (' || pg_get_expr(polqual, polrelid) || ')', 'check (' || pg_get_expr(polwithcheck, polrelid) || ')'),
       full_name, NULL
  FROM pg_policy JOIN relation ON relation.oid = polrelid
UNION ALL
SELECT format('rule %s %I', full_name, rulename),
       pg_get_ruledef(pg_rewrite.oid)
         || CASE ev_enabled WHEN 'O' THEN '' WHEN 'D' THEN ' (disabled)' WHEN 'R' THEN ' (replica)' ELSE ' (always)' END,
       full_name, NULL
  FROM pg_rewrite JOIN relation ON relation.oid = ev_class WHERE rulename <> '_RETURN'
UNION ALL
SELECT 'event trigger ' || quote_ident(evtname),
       concat_ws(' ', evtevent, 'when tag in (' || array_to_string(evttags, ', ') || ')', evtfoid::regproc,
                 CASE evtenabled WHEN 'D' THEN '(disabled)' WHEN 'R' THEN '(replica)' WHEN 'A' THEN '(always)' END), NULL, NULL
  FROM pg_event_trigger
 WHERE $1::text[] IS NULL
   AND ('pg_event_trigger'::regclass, oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT 'language ' || quote_ident(lanname),
       concat_ws(' ', CASE WHEN lanpltrusted THEN 'trusted' END, 'handler', lanplcallfoid::regproc, 'inline', laninline::regproc,
                 'validator', lanvalidator::regproc), NULL, NULL
  FROM pg_language
 WHERE $1::text[] IS NULL AND oid >= 16384
   AND ('pg_language'::regclass, oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT 'access method ' || quote_ident(amname), concat_ws(' ', amtype, amhandler), NULL, NULL
  FROM pg_am
 WHERE $1::text[] IS NULL AND oid >= 16384
   AND ('pg_am'::regclass, oid) NOT IN (SELECT classid, objid FROM extension_member)
UNION ALL
SELECT 'transform ' || (pg_identify_object('pg_transform'::regclass, oid, 0)).identity,
       concat_ws(' ', 'from', trffromsql::text, 'to', trftosql::text), NULL, NULL
  FROM pg_transform
 WHERE $1::text[] IS NULL
   AND ('pg_transform'::regclass, oid) NOT IN (SELECT classid, objid FROM extension_member)
