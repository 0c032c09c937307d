-- Which of these roles and extensions the server does not have.
SELECT 'role' AS kind, wanted.name FROM unnest($1::text[]) AS wanted (name)
 WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted.name)
UNION ALL
SELECT 'extension', wanted.name FROM unnest($2::text[]) AS wanted (name)
 WHERE NOT EXISTS (SELECT FROM pg_available_extensions AS available WHERE available.name = wanted.name)
 ORDER BY 1 DESC, 2
