-- What this role lacks to delete rows of tables $1, while foreign keys change rows of tables $2 (quoted names). What a
-- foreign key does, it does as the table's owner: only the lock asks for a right of ours there.
SELECT name || ' (needs the ' || needed || ' right)' AS lacking
  FROM (SELECT name, needed FROM unnest($1::text[]) AS name, unnest(ARRAY['SELECT', 'DELETE']) AS needed
        UNION ALL
        SELECT name, 'SELECT' FROM unnest($2::text[]) AS name) AS wanted
 WHERE NOT has_table_privilege(to_regclass(name), needed)
UNION ALL
SELECT name || ' (needs the UPDATE right)'
  FROM unnest($2::text[]) AS name
 WHERE NOT has_table_privilege(to_regclass(name), 'UPDATE, DELETE, TRUNCATE')
UNION ALL
SELECT name || ' (row-level security hides rows from this role)'
  FROM unnest($1::text[] || $2::text[]) AS name
 WHERE has_table_privilege(to_regclass(name), 'SELECT') AND row_security_active(to_regclass(name))
UNION ALL
SELECT 'temporary tables (needs the TEMPORARY right on the database)'
 WHERE NOT has_database_privilege(current_database(), 'TEMPORARY')
