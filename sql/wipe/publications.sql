-- Publications that send the changes of the tables $1 (oids): named, or of a schema, or of all tables; a partition also
-- when a table above it is published. From PostgreSQL 15 on.
WITH RECURSIVE published (oid, above, schema) AS (
  SELECT class.oid, class.oid, class.relnamespace
    FROM pg_class AS class
   WHERE class.oid = ANY ($1::oid[])
     AND class.relpersistence = 'p'
  UNION
  SELECT published.oid, inhparent, class.relnamespace
    FROM published
    JOIN pg_inherits ON inhrelid = published.above
    JOIN pg_class AS part ON part.oid = inhrelid AND part.relispartition
    JOIN pg_class AS class ON class.oid = inhparent
)
SELECT published.oid::int8::float8 AS oid, pubname::text AS name, pubdelete AS "sendsDelete", pubtruncate AS "sendsTruncate"
  FROM pg_publication AS publication
  JOIN published ON puballtables
                 OR EXISTS (SELECT FROM pg_publication_rel WHERE prpubid = publication.oid AND prrelid = published.above)
                 OR EXISTS (SELECT FROM pg_publication_namespace WHERE pnpubid = publication.oid AND pnnspid = published.schema)
 GROUP BY published.oid, publication.oid, pubname, pubdelete, pubtruncate
 ORDER BY published.oid, pubname
