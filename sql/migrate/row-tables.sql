-- What is needed to make up rows: each empty-able table with its columns, its foreign keys, and whether one is unique.
SELECT class.oid::int8::float8 AS oid,
       namespace.nspname       AS schema,
       class.relname           AS name,
       class.relispartition    AS "isPartition",
       (SELECT coalesce(json_agg(json_build_object(
                 'name', attribute.attname,
                 'number', attribute.attnum,
                 'type', coalesce(nullif(base.typname, ''), type.typname),
                 'kind', coalesce(base.typtype, type.typtype),
                 'isArray', coalesce(base.typcategory, type.typcategory) = 'A',
                 'declaredType', format_type(attribute.atttypid, attribute.atttypmod),
                 'modifier', CASE WHEN type.typtype = 'd' THEN type.typtypmod ELSE attribute.atttypmod END,
                 'isNotNull', attribute.attnotnull OR type.typnotnull,
                 'isIdentity', attribute.attidentity <> '',
                 'default', pg_get_expr(standard.adbin, standard.adrelid),
                 'firstLabel', (SELECT enumlabel FROM pg_enum
                                 WHERE enumtypid = coalesce(base.oid, type.oid) ORDER BY enumsortorder LIMIT 1),
                 'isUnique', EXISTS (SELECT FROM pg_index
                                      WHERE indrelid = class.oid AND indisunique AND attribute.attnum = ANY (indkey::int2[])),
                 'checks', (SELECT json_agg(pg_get_constraintdef(oid)) FROM pg_constraint
                             WHERE contype = 'c'
                               AND (conrelid = class.oid AND attribute.attnum = ANY (conkey) OR contypid = type.oid)))
               ORDER BY attribute.attnum), '[]')
          FROM pg_attribute AS attribute
          JOIN pg_type AS type ON type.oid = attribute.atttypid
          LEFT JOIN pg_type AS base ON type.typtype = 'd' AND base.oid = type.typbasetype
          LEFT JOIN pg_attrdef AS standard ON standard.adrelid = class.oid AND standard.adnum = attribute.attnum
         WHERE attribute.attrelid = class.oid AND attribute.attnum > 0 AND NOT attribute.attisdropped
           AND attribute.attgenerated = '')                                         AS columns,
       (SELECT coalesce(json_agg(json_build_object(
                 'columns', conkey, 'tableOid', confrelid::int8,
                 'targets', (SELECT json_agg(attname ORDER BY place)
                               FROM unnest(confkey) WITH ORDINALITY AS key (number, place)
                               JOIN pg_attribute ON attrelid = confrelid AND attnum = key.number))), '[]')
          FROM pg_constraint WHERE contype = 'f' AND conrelid = class.oid)          AS "foreignKeys"
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.relkind IN ('r', 'p')
   AND class.relpersistence <> 't'
   AND namespace.nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast', 'roomctl', 'roomctl_trace')
 ORDER BY class.oid
