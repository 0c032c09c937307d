-- ALTER DEFAULT PRIVILEGES: those of one schema add to the defaults, those of the database stand in their place.
SELECT pg_get_userbyid(defaclrole)::text AS role, nspname::text AS schema,
       CASE defaclobjtype WHEN 'r' THEN 'TABLES' WHEN 'S' THEN 'SEQUENCES' WHEN 'f' THEN 'FUNCTIONS' WHEN 'T' THEN 'TYPES' WHEN 'n' THEN 'SCHEMAS'
                          ELSE 'LARGE OBJECTS' END AS kind,
       changes.list AS changes
  FROM pg_default_acl
  LEFT JOIN pg_namespace ON pg_namespace.oid = defaclnamespace
 CROSS JOIN LATERAL (SELECT CASE WHEN defaclnamespace = 0 THEN acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole)
                                 END AS before) AS standard
 CROSS JOIN LATERAL (
       SELECT json_agg(item) AS list FROM (
              SELECT change, CASE grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(grantee)::text END AS grantee,
                     array_agg(privilege_type ORDER BY privilege_type) AS privileges
                FROM (SELECT CASE WHEN is_grantable THEN 'GRANT OPTION' ELSE 'GRANT' END AS change, grantee, privilege_type, number
                        FROM aclexplode(defaclacl) WITH ORDINALITY AS is_new (grantor, grantee, privilege_type, is_grantable, number)
                       WHERE NOT EXISTS (SELECT FROM aclexplode(before) AS old
                                          WHERE (old.grantee, old.privilege_type) = (is_new.grantee, is_new.privilege_type) AND old.is_grantable >= is_new.is_grantable)
                       UNION ALL
                      SELECT 'REVOKE', old.grantee, old.privilege_type, 0
                        FROM aclexplode(before) AS old
                       WHERE NOT EXISTS (SELECT FROM aclexplode(defaclacl) AS kept WHERE (old.grantee, old.privilege_type) = (kept.grantee, kept.privilege_type))) AS given
               GROUP BY change, grantee
               ORDER BY change LIKE 'REVOKE%' DESC, min(number)) AS item) AS changes
 WHERE changes.list IS NOT NULL
 ORDER BY 1, 2 NULLS FIRST, 3
