-- Every sequence and each column that draws from it: owned (serial, identity), or only called by a default.
-- roomctl's own where $1 says so.
SELECT namespace.nspname                        AS schema,
       class.relname                            AS name,
       format_type(sequence.seqtypid, NULL)     AS "dataType",
       sequence.seqstart::text                  AS "start",
       sequence.seqincrement::text              AS increment,
       sequence.seqmin::text                    AS minimum,
       sequence.seqmax::text                    AS maximum,
       sequence.seqcycle                        AS cycles,
       has_schema_privilege(namespace.oid, 'USAGE') AND has_sequence_privilege(class.oid, 'SELECT') AS "isReadable",
       pg_has_role(class.relowner, 'USAGE')     AS "isOwned",
       coalesce((SELECT json_agg(json_build_object(
                 'schema', user_schema.nspname, 'table', user_class.relname, 'column', attribute.attname,
                 'type', format_type(attribute.atttypid, NULL), 'isOwner', bool_or_owner.is_owner)
                 ORDER BY user_schema.nspname, user_class.relname, attribute.attnum)
          FROM (SELECT used.relation, used.number, bool_or(used.is_owner) AS is_owner
                  FROM (SELECT refobjid AS relation, refobjsubid AS number, true AS is_owner
                          FROM pg_depend
                         WHERE classid = 'pg_class'::regclass AND objid = class.oid
                           AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND deptype IN ('a', 'i')
                        UNION ALL
                        SELECT defaults.adrelid, defaults.adnum, false
                          FROM pg_depend
                          JOIN pg_attrdef AS defaults ON defaults.oid = pg_depend.objid
                         WHERE pg_depend.classid = 'pg_attrdef'::regclass
                           AND pg_depend.refclassid = 'pg_class'::regclass AND pg_depend.refobjid = class.oid) AS used
                 GROUP BY used.relation, used.number) AS bool_or_owner
          JOIN pg_class AS user_class ON user_class.oid = bool_or_owner.relation
          JOIN pg_namespace AS user_schema ON user_schema.oid = user_class.relnamespace
          JOIN pg_attribute AS attribute ON attribute.attrelid = bool_or_owner.relation AND attribute.attnum = bool_or_owner.number), '[]')
                                                AS columns
  FROM pg_sequence AS sequence
  JOIN pg_class AS class ON class.oid = sequence.seqrelid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema')
   AND (namespace.nspname <> 'roomctl' OR $1)
   AND class.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
 ORDER BY namespace.nspname, class.relname
