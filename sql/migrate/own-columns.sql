-- The relations of those names in roomctl's schema, with the types of their columns.
SELECT relname AS "table",
       coalesce((SELECT json_object_agg(attname, format_type(atttypid, atttypmod))
                   FROM pg_attribute WHERE attrelid = pg_class.oid AND attnum > 0 AND NOT attisdropped), '{}') AS columns
  FROM pg_class
 WHERE relnamespace = to_regnamespace('roomctl') AND relname = ANY ($1::text[])
