-- What makes a database's privileges those of another one: the rights that were given, and that PUBLIC has no other. No row
-- where they were never changed. Who granted them is not kept: the owner does.
SELECT format('REVOKE ALL ON DATABASE %I FROM PUBLIC', $2::text) AS statement
  FROM pg_database WHERE datname = $1 AND datacl IS NOT NULL
UNION ALL
SELECT format('GRANT %s ON DATABASE %I TO %s%s', item.privilege_type, $2::text,
              CASE item.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(item.grantee)) END,
              CASE WHEN item.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_database, aclexplode(datacl) AS item
 WHERE datname = $1 AND item.grantee <> datdba
