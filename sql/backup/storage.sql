-- Of the given tables: how much there is to read, how it can be read in parts, and whether COPY BINARY may spell it.
-- Binary is for types whose bytes mean the same in any database: built-in ones with send and receive functions, enums
-- (sent as labels), and domains, ranges and arrays over these. Not for what sends numbers of this database's catalog: reg*
-- types, composites, arrays of types that were made here. Extensions' types are spelled as text: nobody vouches for them.
WITH RECURSIVE
wanted AS (
    SELECT class.oid, class.relam, current_setting('block_size')::int AS block_size
      FROM pg_class AS class WHERE class.oid = ANY ($1::oid[])
), part (relation, type, inside) AS (
    SELECT attribute.attrelid, attribute.atttypid, 'column'
      FROM pg_attribute AS attribute
     WHERE attribute.attrelid = ANY ($1::oid[])
       AND attribute.attnum > 0 AND NOT attribute.attisdropped AND attribute.attgenerated = ''
    UNION
    SELECT part.relation, inner_part.type, inner_part.inside
      FROM part
      JOIN pg_type AS type ON type.oid = part.type
      CROSS JOIN LATERAL (
            SELECT type.typbasetype, part.inside WHERE type.typtype = 'd'
            UNION ALL
            SELECT type.typelem, 'array' WHERE type.typcategory = 'A' AND type.typelem <> 0
            UNION ALL
            SELECT rngsubtype, part.inside FROM pg_range WHERE rngtypid = type.oid OR rngmultitypid = type.oid
           ) AS inner_part (type, inside)
), judged AS (
    SELECT part.relation,
           bool_and(CASE
             -- An array names the type of its elements by number.
             WHEN part.inside = 'array' AND type.oid >= 16384 THEN false
             WHEN type.typtype IN ('d', 'e', 'r', 'm') THEN true
             WHEN type.typcategory = 'A' AND type.typelem <> 0 THEN true
             WHEN type.typtype <> 'b' OR type.oid >= 16384 THEN false
             -- PostgreSQL 18 cannot receive an empty tsquery: malformed tsquery: operand not found.
             WHEN type.typname LIKE 'reg%' OR type.typname IN ('refcursor', 'tsquery') THEN false
             ELSE type.typsend <> 0 AND type.typreceive <> 0
           END) AS is_portable
      FROM part JOIN pg_type AS type ON type.oid = part.type
     GROUP BY part.relation
)
SELECT wanted.oid::int8::float8                                                   AS oid,
       coalesce(judged.is_portable, true)                                         AS "isBinary",
       coalesce(pg_table_size(wanted.oid), 0)::float8                             AS "sizeBytes",
       CASE WHEN access_method.amname = 'heap'
            THEN (pg_relation_size(wanted.oid) / wanted.block_size)::float8 END   AS pages
  FROM wanted
  LEFT JOIN judged ON judged.relation = wanted.oid
  LEFT JOIN pg_am AS access_method ON access_method.oid = wanted.relam
