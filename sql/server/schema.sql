-- Columns that the server relies on ($1: table -> column -> type) and the database has not, or has with another type.
SELECT wanted.table_name || '.' || wanted.column_name AS name, wanted.type AS wanted,
       format_type(attribute.atttypid, attribute.atttypmod) AS found
  FROM (SELECT shape.key AS table_name, held.key AS column_name, held.value AS type
          FROM json_each($1::json) AS shape CROSS JOIN LATERAL json_each_text(shape.value) AS held) AS wanted
  LEFT JOIN pg_attribute AS attribute
    ON attribute.attrelid = to_regclass('public.' || quote_ident(wanted.table_name))
   AND attribute.attname = wanted.column_name AND attribute.attnum > 0 AND NOT attribute.attisdropped
 WHERE format_type(attribute.atttypid, attribute.atttypmod) IS DISTINCT FROM wanted.type
 ORDER BY 1
