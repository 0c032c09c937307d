-- What this role lacks for a wipe of tables $1 and a restart of sequences $2 (quoted names).
SELECT name || ' (needs the TRUNCATE right)' AS lacking
  FROM unnest($1::text[]) AS name
 WHERE NOT has_table_privilege(to_regclass(name), 'TRUNCATE')
UNION ALL
SELECT name || ' (needs its owner)'
  FROM unnest($2::text[]) AS name
  JOIN pg_class AS class ON class.oid = to_regclass(name)
 WHERE NOT pg_has_role(class.relowner, 'USAGE')
