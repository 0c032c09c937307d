-- Triggers on the tables $1 (oids) that a TRUNCATE or a DELETE meets; those of foreign keys are PostgreSQL's own. A trigger
-- that a partition has from its root is left out where the root is in the list too. (tgtype's bits: pg_trigger.h)
SELECT trigger.tgrelid::int8::float8                         AS oid,
       trigger.tgname::text                                  AS name,
       CASE WHEN trigger.tgtype & 2 <> 0 THEN 'BEFORE' ELSE 'AFTER' END AS timing,
       CASE WHEN trigger.tgtype & 1 <> 0 THEN 'row' ELSE 'statement' END AS level,
       trigger.tgtype & 32 <> 0                              AS "onTruncate",
       trigger.tgtype & 8 <> 0                               AS "onDelete",
       namespace.nspname::text                               AS "functionSchema",
       function.proname::text                                AS "functionName"
  FROM pg_trigger AS trigger
  JOIN pg_proc AS function ON function.oid = trigger.tgfoid
  JOIN pg_namespace AS namespace ON namespace.oid = function.pronamespace
 WHERE trigger.tgrelid = ANY ($1::oid[])
   AND NOT trigger.tgisinternal
   AND trigger.tgtype & (8 | 32) <> 0
   AND trigger.tgenabled = ANY (CASE current_setting('session_replication_role')
                                     WHEN 'replica' THEN '{A,R}'::"char"[] ELSE '{A,O}'::"char"[] END)
   AND NOT EXISTS (SELECT FROM pg_trigger AS above WHERE above.oid = trigger.tgparentid AND above.tgrelid = ANY ($1::oid[]))
 ORDER BY trigger.tgrelid, trigger.tgname
