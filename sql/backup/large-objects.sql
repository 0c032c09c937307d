-- Each large object with the statements that put owner, privileges and comment back, and whether this role may read it:
-- as superuser, owner, or by a grant. Grants by others than the owner are made in their name, as they were.
SELECT object.oid, rolname AS owner,
       format('ALTER LARGE OBJECT %s OWNER TO %I', object.oid, rolname) AS "ownerStatement",
       -- What the owner has by default and gave up.
       array(SELECT format('REVOKE %s ON LARGE OBJECT %s FROM %I', privilege, object.oid, rolname)
               FROM unnest(ARRAY['SELECT', 'UPDATE']) AS privilege
              WHERE lomacl IS NOT NULL
                AND NOT EXISTS (SELECT FROM aclexplode(lomacl)
                                 WHERE grantee = lomowner AND privilege_type = privilege)) AS revokes,
       array(SELECT CASE WHEN grantor = lomowner THEN statement
                         ELSE format('SET SESSION AUTHORIZATION %I; %s; RESET SESSION AUTHORIZATION',
                                     pg_get_userbyid(grantor), statement) END
               FROM (SELECT grantor,
                            format('GRANT %s ON LARGE OBJECT %s TO %s%s',
                                   string_agg(privilege_type, ', ' ORDER BY privilege_type), object.oid,
                                   CASE grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(grantee)) END,
                                   CASE WHEN is_grantable THEN ' WITH GRANT OPTION' END) AS statement
                       FROM aclexplode(lomacl)
                      WHERE grantee <> lomowner
                      GROUP BY grantor, grantee, is_grantable) AS granted
              ORDER BY grantor <> lomowner, statement COLLATE "C") AS grants,
       format('COMMENT ON LARGE OBJECT %s IS %s', object.oid, quote_literal(description.description)) AS comment,
       description.description IS NOT NULL AS "hasComment",
       current_setting('lo_compat_privileges')::boolean
         OR (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)
         OR CASE WHEN lomacl IS NULL THEN pg_has_role(lomowner, 'USAGE')
                 ELSE EXISTS (SELECT FROM aclexplode(lomacl)
                               WHERE privilege_type = 'SELECT'
                                 AND CASE WHEN grantee = 0 THEN true ELSE pg_has_role(grantee, 'USAGE') END)
            END AS "isReadable"
  FROM pg_largeobject_metadata AS object
  JOIN pg_roles ON pg_roles.oid = lomowner
  LEFT JOIN pg_description AS description
    ON classoid = 'pg_largeobject'::regclass AND objoid = object.oid AND objsubid = 0
 ORDER BY object.oid
