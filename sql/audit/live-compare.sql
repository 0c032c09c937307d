-- Rows of memory ($1, a JSON array) beside the rows of the table that have the same key: one row for each, in order.
-- Types decide what is equal, so each value becomes one of its column's type first. Moments may differ by $2
-- milliseconds: memory seldom keeps finer ones. Names and types stand where the braces are.
SELECT memory.ordinal::integer AS ordinal,
       {memoryKey} AS key,
       stored.tableoid IS NOT NULL AS "isThere",
       {version} AS version,
       {epoch} AS epoch,
       coalesce((SELECT json_agg(json_build_object('field', field.name, 'memory', left(field.memory::text, 200),
                                                   'database', left(field.stored::text, 200)))
                   FROM (VALUES ('', NULL::jsonb, NULL::jsonb, true){fields}) AS field (name, memory, stored, is_same)
                  WHERE NOT field.is_same), '[]') AS fields
  FROM ROWS FROM (json_to_recordset($1::json) AS ({definitions})) WITH ORDINALITY AS memory ({aliases}, ordinal)
 CROSS JOIN (SELECT $2::float8 AS ms) AS tolerance
  LEFT JOIN {table} AS stored ON {join}
 ORDER BY memory.ordinal
