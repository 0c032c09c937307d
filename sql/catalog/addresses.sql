-- What ALTER and COMMENT call each object: TABLE "public"."users". $1: catalogs, $2: numbers.
SELECT item.catalog, item.object,
       CASE found.type
           WHEN 'statistics object' THEN 'STATISTICS'
           WHEN 'foreign-data wrapper' THEN 'FOREIGN DATA WRAPPER'
           WHEN 'composite type' THEN 'TYPE'
           WHEN 'function' THEN 'ROUTINE'
           WHEN 'procedure' THEN 'ROUTINE'
           WHEN 'aggregate' THEN 'ROUTINE'
           WHEN 'table constraint' THEN 'CONSTRAINT'
           WHEN 'domain constraint' THEN 'CONSTRAINT'
           ELSE upper(found.type) END
       || ' '
       || CASE found.type
           WHEN 'domain constraint' THEN (SELECT format('%I ON DOMAIN %s', conname, contypid::regtype) FROM pg_constraint WHERE pg_constraint.oid = item.object)
           WHEN 'transform' THEN replace(found.identity, ' on language ', ' LANGUAGE ')
           ELSE found.identity END AS address
  FROM unnest($1::text[], $2::oid[]) AS item (catalog, object)
 CROSS JOIN LATERAL pg_identify_object(('pg_catalog.' || quote_ident(item.catalog))::regclass, item.object, 0) AS found
