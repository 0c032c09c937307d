, routine AS (
    -- The constructors of a range type come with it.
    SELECT proc.*, format('%I.%I', nspname, proname) AS full_name
      FROM pg_proc AS proc JOIN app_schema ON app_schema.oid = pronamespace
     WHERE ('pg_proc'::regclass, proc.oid) NOT IN (SELECT classid, objid FROM member)
       AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_proc'::regclass AND objid = proc.oid
                                               AND refclassid = 'pg_type'::regclass AND deptype = 'i')
)
SELECT 'pg_proc' AS catalog, oid AS object, NULL AS part, NULL::text[] AS needs, 24 AS rank, pg_get_userbyid(proowner)::text AS owner,
       ARRAY[pg_get_functiondef(oid)] AS sql
  FROM routine WHERE prokind <> 'a'
UNION ALL
SELECT 'pg_proc', routine.oid, NULL, NULL, 30, pg_get_userbyid(proowner),
       ARRAY[format('CREATE AGGREGATE %s(%s) (%s)', full_name, coalesce(nullif(pg_get_function_arguments(routine.oid), ''), '*'),
                    concat_ws(', ', 'SFUNC = ' || aggtransfn, 'STYPE = ' || format_type(aggtranstype, NULL),
                              'SSPACE = ' || nullif(aggtransspace, 0),
                              'FINALFUNC = ' || nullif(aggfinalfn, 0)::regproc, CASE WHEN aggfinalextra THEN 'FINALFUNC_EXTRA' END,
                              'FINALFUNC_MODIFY = ' || CASE aggfinalmodify WHEN 's' THEN 'SHAREABLE' WHEN 'w' THEN 'READ_WRITE' ELSE 'READ_ONLY' END,
                              'COMBINEFUNC = ' || nullif(aggcombinefn, 0)::regproc, 'SERIALFUNC = ' || nullif(aggserialfn, 0)::regproc,
                              'DESERIALFUNC = ' || nullif(aggdeserialfn, 0)::regproc, 'INITCOND = ' || quote_literal(agginitval),
                              'MSFUNC = ' || nullif(aggmtransfn, 0)::regproc, 'MINVFUNC = ' || nullif(aggminvtransfn, 0)::regproc,
                              'MSTYPE = ' || format_type(nullif(aggmtranstype, 0), NULL), 'MSSPACE = ' || nullif(aggmtransspace, 0),
                              'MFINALFUNC = ' || nullif(aggmfinalfn, 0)::regproc, CASE WHEN aggmfinalextra THEN 'MFINALFUNC_EXTRA' END,
                              CASE WHEN aggmtranstype <> 0 THEN 'MFINALFUNC_MODIFY = '
                                  || CASE aggmfinalmodify WHEN 's' THEN 'SHAREABLE' WHEN 'w' THEN 'READ_WRITE' ELSE 'READ_ONLY' END END,
                              'MINITCOND = ' || quote_literal(aggminitval),
                              (SELECT format('SORTOP = OPERATOR(%I.%s)', nspname, oprname)
                                 FROM pg_operator JOIN pg_namespace ON pg_namespace.oid = oprnamespace WHERE pg_operator.oid = aggsortop),
                              'PARALLEL = ' || CASE proparallel WHEN 's' THEN 'SAFE' WHEN 'r' THEN 'RESTRICTED' ELSE 'UNSAFE' END,
                              CASE WHEN aggkind = 'h' THEN 'HYPOTHETICAL' END))]
  FROM routine JOIN pg_aggregate ON aggfnoid = routine.oid
