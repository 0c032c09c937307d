-- Schemas whose tables a publication sends, those that are still to come included. From PostgreSQL 15 on.
SELECT pubname AS name, nspname AS schema
  FROM pg_publication_namespace
  JOIN pg_publication ON pg_publication.oid = pnpubid
  JOIN pg_namespace ON pg_namespace.oid = pnnspid
