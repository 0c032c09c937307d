-- Every sequence and each column that draws from it: owned (serial, identity), or called by a default: the column's, its
-- domain's, or through functions whose bodies the catalog knows (BEGIN ATOMIC). A column's type is what its domain stands
-- on. roomctl's own where $1 says so.
WITH RECURSIVE drawer AS (
    SELECT refobjid AS sequence, classid, objid
      FROM pg_depend
     WHERE refclassid = 'pg_class'::regclass AND refobjid IN (SELECT seqrelid FROM pg_sequence)
       AND classid IN ('pg_attrdef'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
    UNION
    SELECT drawer.sequence, caller.classid, caller.objid
      FROM drawer
      JOIN pg_depend AS caller ON caller.refclassid = 'pg_proc'::regclass AND caller.refobjid = drawer.objid
       AND caller.classid IN ('pg_attrdef'::regclass, 'pg_proc'::regclass, 'pg_type'::regclass)
     WHERE drawer.classid = 'pg_proc'::regclass
), used AS (
    SELECT objid AS sequence, refobjid AS relation, refobjsubid AS number, true AS is_owner
      FROM pg_depend
     WHERE classid = 'pg_class'::regclass AND objid IN (SELECT seqrelid FROM pg_sequence)
       AND refclassid = 'pg_class'::regclass AND refobjsubid > 0 AND deptype IN ('a', 'i')
    UNION ALL
    SELECT drawer.sequence, defaults.adrelid, defaults.adnum, false
      FROM drawer JOIN pg_attrdef AS defaults ON drawer.classid = 'pg_attrdef'::regclass AND defaults.oid = drawer.objid
    UNION ALL
    SELECT drawer.sequence, attribute.attrelid, attribute.attnum, false
      FROM drawer
      JOIN pg_attribute AS attribute ON drawer.classid = 'pg_type'::regclass AND attribute.atttypid = drawer.objid
       AND NOT attribute.atthasdef AND NOT attribute.attisdropped AND attribute.attnum > 0
      JOIN pg_class AS holder ON holder.oid = attribute.attrelid AND holder.relkind IN ('r', 'p', 'f')
), drawn AS (
    SELECT sequence, relation, number, bool_or(is_owner) AS is_owner FROM used GROUP BY sequence, relation, number
)
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
                 'type', base.type, 'isOwner', drawn.is_owner, 'isForeign', user_class.relkind = 'f',
                 'isUnique', EXISTS (SELECT FROM pg_index
                                      WHERE indrelid = user_class.oid AND indisunique AND indisvalid AND indpred IS NULL
                                        AND indnkeyatts = 1 AND indkey[0] = attribute.attnum))
                 ORDER BY user_schema.nspname, user_class.relname, attribute.attnum)
          FROM drawn
          JOIN pg_class AS user_class ON user_class.oid = drawn.relation
          JOIN pg_namespace AS user_schema ON user_schema.oid = user_class.relnamespace
          JOIN pg_attribute AS attribute ON attribute.attrelid = drawn.relation AND attribute.attnum = drawn.number
         CROSS JOIN LATERAL (
               WITH RECURSIVE chain AS (
                   SELECT oid, typtype, typbasetype, typtypmod, attribute.atttypmod AS modifier
                     FROM pg_type WHERE oid = attribute.atttypid
                   UNION ALL
                   SELECT below.oid, below.typtype, below.typbasetype, below.typtypmod, chain.typtypmod
                     FROM chain JOIN pg_type AS below ON below.oid = chain.typbasetype WHERE chain.typtype = 'd')
               SELECT format_type(oid, modifier) AS type FROM chain WHERE typtype <> 'd') AS base
         WHERE drawn.sequence = class.oid), '[]')
                                                AS columns
  FROM pg_sequence AS sequence
  JOIN pg_class AS class ON class.oid = sequence.seqrelid
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE namespace.nspname NOT IN ('pg_catalog', 'information_schema')
   AND (namespace.nspname <> 'roomctl' OR $1)
   AND class.relpersistence <> 't'
   AND NOT EXISTS (SELECT FROM pg_depend WHERE classid = 'pg_class'::regclass AND objid = class.oid AND deptype = 'e')
 ORDER BY namespace.nspname, class.relname
