-- Privileges that are not those that an object has by itself: the defaults of its kind, or what its extension or initdb gave.
-- The order in which somebody got them is kept. What initdb says of information_schema it notes nowhere, so that is left out.
, place AS (
    SELECT oid FROM app_schema UNION ALL SELECT 'pg_catalog'::regnamespace
), object AS (
    SELECT 'pg_namespace' AS catalog, 'pg_namespace'::regclass AS classid, oid AS object, 0 AS sub, NULL AS column_, nspowner AS owner, nspacl AS acl,
           CASE WHEN nspname = 'public' THEN ARRAY[makeaclitem(nspowner, nspowner, 'USAGE', false), makeaclitem(nspowner, nspowner, 'CREATE', false),
                                                   makeaclitem(0, nspowner, 'USAGE', false)] END AS start, 'n' AS letter
      FROM pg_namespace WHERE oid IN (SELECT oid FROM place)
     UNION ALL
    SELECT 'pg_class', 'pg_class'::regclass, oid, 0, NULL, relowner, relacl, NULL, CASE relkind WHEN 'S' THEN 's' ELSE 'r' END
      FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm', 'f', 'S') AND relpersistence <> 't' AND relnamespace IN (SELECT oid FROM place)
     UNION ALL
    SELECT 'pg_class', 'pg_class'::regclass, attrelid, attnum, quote_ident(attname), relowner, attacl, NULL, 'c'
      FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
     WHERE NOT attisdropped AND relpersistence <> 't' AND relnamespace IN (SELECT oid FROM place)
       AND (attacl IS NOT NULL OR EXISTS (SELECT FROM pg_init_privs WHERE objoid = attrelid AND classoid = 'pg_class'::regclass AND objsubid = attnum))
     UNION ALL
    SELECT 'pg_proc', 'pg_proc'::regclass, oid, 0, NULL, proowner, proacl, NULL, 'f'
      FROM pg_proc WHERE pronamespace IN (SELECT oid FROM place)
     UNION ALL
    SELECT 'pg_type', 'pg_type'::regclass, oid, 0, NULL, typowner, typacl, NULL, 'T'
      FROM pg_type WHERE typnamespace IN (SELECT oid FROM place)
     UNION ALL
    SELECT 'pg_language', 'pg_language'::regclass, oid, 0, NULL, lanowner, lanacl, NULL, 'l' FROM pg_language
     UNION ALL
    SELECT 'pg_foreign_data_wrapper', 'pg_foreign_data_wrapper'::regclass, oid, 0, NULL, fdwowner, fdwacl, NULL, 'F' FROM pg_foreign_data_wrapper
     UNION ALL
    SELECT 'pg_foreign_server', 'pg_foreign_server'::regclass, oid, 0, NULL, srvowner, srvacl, NULL, 'S' FROM pg_foreign_server
     UNION ALL
    SELECT 'pg_database', 'pg_database'::regclass, oid, 0, NULL, datdba, datacl, NULL, 'd' FROM pg_database WHERE datname = current_database()
), compared AS (
    SELECT object.*, coalesce(acl, acldefault(letter::"char", owner)) AS actual,
           coalesce(start, initprivs, acldefault(letter::"char", owner)) AS before
      FROM object
      LEFT JOIN pg_init_privs ON objoid = object AND classoid = classid AND objsubid = sub
     WHERE (acl IS NOT NULL OR initprivs IS NOT NULL OR start IS NOT NULL)
)
SELECT catalog, object, column_ AS column, pg_get_userbyid(owner)::text AS owner, actual::text[] AS actual, before::text[] AS before,
       (SELECT json_agg(item) FROM (SELECT change, given.grantor = owner AS "byOwner", pg_get_userbyid(given.grantor)::text AS grantor,
                                           CASE given.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(given.grantee)::text END AS grantee,
                                           array_agg(privilege_type ORDER BY privilege_type) AS privileges, min(number) AS number
          FROM (SELECT CASE WHEN is_grantable THEN 'GRANT OPTION' ELSE 'GRANT' END AS change, is_new.*
                  FROM aclexplode(actual) WITH ORDINALITY AS is_new (grantor, grantee, privilege_type, is_grantable, number)
                 WHERE NOT EXISTS (SELECT FROM aclexplode(before) AS old
                                    WHERE (old.grantor, old.grantee, old.privilege_type) = (is_new.grantor, is_new.grantee, is_new.privilege_type)
                                      AND old.is_grantable >= is_new.is_grantable)
                 UNION ALL
                SELECT CASE WHEN kept.grantee IS NULL THEN 'REVOKE' ELSE 'REVOKE OPTION' END, old.grantor, old.grantee, old.privilege_type, old.is_grantable, -old.number
                  FROM aclexplode(before) WITH ORDINALITY AS old (grantor, grantee, privilege_type, is_grantable, number)
                  LEFT JOIN aclexplode(actual) AS kept ON (old.grantor, old.grantee, old.privilege_type) = (kept.grantor, kept.grantee, kept.privilege_type)
                 WHERE kept.grantee IS NULL OR old.is_grantable AND NOT kept.is_grantable) AS given
         GROUP BY change, given.grantor, given.grantee
         ORDER BY change LIKE 'REVOKE%' DESC, given.grantor = owner DESC, min(number)) AS item) AS changes
  FROM compared
 WHERE actual <> before
 -- Schemas first: whoever passes a privilege on needs theirs.
 ORDER BY catalog <> 'pg_namespace', catalog, object, sub
