-- What keeps rows of the given tables apart: unique indexes and exclusion constraints. A part is a column or an expression
-- over the table's columns, with the operator under which the index lets no two rows be: of an exclusion constraint its
-- own, else the equality of the index (that of a citext is not that of text).
SELECT index.indrelid::int8::float8                         AS "tableOid",
       class.relname                                        AS name,
       index.indnullsnotdistinct                            AS "isNullEqual",
       pg_get_expr(index.indpred, index.indrelid)           AS predicate,
       (SELECT json_agg(DISTINCT used.attname)
          FROM pg_attribute AS used
         WHERE used.attrelid = index.indrelid
           AND (used.attnum = ANY (index.indkey)
                OR EXISTS (SELECT FROM pg_depend AS depend
                            WHERE depend.classid = 'pg_class'::regclass AND depend.objid = index.indexrelid
                              AND depend.refclassid = 'pg_class'::regclass AND depend.refobjid = index.indrelid
                              AND depend.refobjsubid = used.attnum)))
                                                            AS columns,
       NOT index.indisexclusion AND index.indpred IS NULL AND index.indexprs IS NULL AND bool_and(attribute.attnotnull AND attribute.attgenerated = '')
                                                            AS "isKey",
       json_agg(json_build_object(
         'expression', pg_get_indexdef(index.indexrelid, part.position, false),
         'operator', coalesce(format('OPERATOR(%I.%s)', operator_schema.nspname, operator.oprname), 'OPERATOR(pg_catalog.=)'))
         ORDER BY part.position)                            AS parts
  FROM pg_index AS index
  JOIN pg_class AS class ON class.oid = index.indexrelid
  CROSS JOIN LATERAL generate_series(1, index.indnkeyatts::int) AS part (position)
  LEFT JOIN pg_attribute AS attribute
    ON attribute.attrelid = index.indrelid AND attribute.attnum = index.indkey[part.position - 1]
  -- indkey and indclass count from 0. The third strategy of a B-tree is equality.
  JOIN pg_opclass AS operator_class ON operator_class.oid = index.indclass[part.position - 1]
  LEFT JOIN pg_amop AS member
    ON member.amopfamily = operator_class.opcfamily AND member.amoplefttype = operator_class.opcintype
   AND member.amoprighttype = operator_class.opcintype AND member.amopstrategy = 3
   AND member.amopmethod = (SELECT oid FROM pg_am WHERE amname = 'btree')
  LEFT JOIN pg_constraint AS item ON item.conindid = index.indexrelid AND item.conexclop IS NOT NULL
  LEFT JOIN pg_operator AS operator ON operator.oid = coalesce(item.conexclop[part.position], member.amopopr)
  LEFT JOIN pg_namespace AS operator_schema ON operator_schema.oid = operator.oprnamespace
 WHERE index.indrelid = ANY ($1::oid[])
   AND (index.indisunique OR index.indisexclusion) AND index.indislive AND index.indisready
 GROUP BY index.indexrelid, class.relname
 ORDER BY index.indisprimary DESC, class.relname
