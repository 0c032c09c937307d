-- Foreign keys that bind the rows of the given tables, each once: those that copy one for the partitions of its parent are
-- left out. Not those that are not validated, which are set aside, nor those over periods, which compare otherwise.
SELECT item.conrelid::int8::float8                          AS "tableOid",
       item.conname                                         AS name,
       json_build_object('schema', parent_namespace.nspname, 'name', parent.relname) AS parent,
       parent.relkind = 'p'                                 AS "isParentPartitioned",
       json_agg(json_build_object(
         'column', child_column.attname,
         'parentColumn', parent_column.attname,
         'operator', format('OPERATOR(%I.%s)', operator_schema.nspname, operator.oprname))
         ORDER BY part.position)                            AS parts
  FROM pg_constraint AS item
  JOIN pg_class AS parent ON parent.oid = item.confrelid
  JOIN pg_namespace AS parent_namespace ON parent_namespace.oid = parent.relnamespace
  CROSS JOIN LATERAL generate_subscripts(item.conkey, 1) AS part (position)
  JOIN pg_attribute AS child_column
    ON child_column.attrelid = item.conrelid AND child_column.attnum = item.conkey[part.position]
  JOIN pg_attribute AS parent_column
    ON parent_column.attrelid = item.confrelid AND parent_column.attnum = item.confkey[part.position]
  JOIN pg_operator AS operator ON operator.oid = item.conpfeqop[part.position]
  JOIN pg_namespace AS operator_schema ON operator_schema.oid = operator.oprnamespace
 WHERE item.conrelid = ANY ($1::oid[])
   AND item.contype = 'f'
   AND item.convalidated
   AND coalesce((to_jsonb(item) ->> 'conperiod')::boolean, false) = false
   AND NOT EXISTS (SELECT FROM pg_constraint AS above WHERE above.oid = item.conparentid AND above.conrelid = item.conrelid)
 GROUP BY item.oid, item.conrelid, item.conname, parent_namespace.nspname, parent.relname, parent.relkind
 ORDER BY item.conname
