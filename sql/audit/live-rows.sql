-- Rows that a server says it holds: their keys, and a digest that tells a row from a later one with the same key.
SELECT {key} AS key, hashtextextended(row_to_json(stored.*)::text, 0)::text AS digest
  FROM {table} AS stored
 WHERE {condition}
