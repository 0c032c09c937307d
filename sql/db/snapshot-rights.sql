-- Who owns what, who may do what, and settings. Told is only what is not as it would be anyway: an owner other than the
-- migrator, privileges other than the kind's defaults (so that no ACL and one that spells the defaults out are equal).
SELECT 'owner of ' || label, word, belongs, json_build_object('object', label, 'role', word)
  FROM app_object JOIN role ON role.oid = owner
 WHERE word <> '<migrator>'
   AND (classid, objid) NOT IN (SELECT classid, objid FROM extension_member)
   -- The schema public is the cluster's: initdb, or an upgrade from before 15, said whose it is.
   AND NOT (classid = 'pg_namespace'::regclass AND objid = 2200
            AND (word = 'pg_database_owner' OR owner IN (SELECT oid FROM pg_roles WHERE rolsuper)))
UNION ALL
SELECT format('privileges on %s to %s', label, grantee), coalesce(actual, 'none'), belongs,
       json_build_object('object', label, 'role', grantee, 'standard', standard)
  FROM (SELECT label, belongs, -- What initdb made is the first superuser's, whatever the name.
               coalesce(owner, relowner, datdba, 10) AS owner, letter, acl
          FROM app_object
          LEFT JOIN pg_class ON classid = 'pg_class'::regclass AND pg_class.oid = objid
          LEFT JOIN pg_database ON classid = 'pg_database'::regclass AND pg_database.oid = objid
         WHERE acl IS NOT NULL
           AND (objid < 16384 OR (classid, objid) NOT IN (SELECT classid, objid FROM extension_member))
         UNION ALL
        SELECT format('column %s.%I', full_name, attname), full_name, relowner, 'c', attacl
          FROM relation JOIN pg_attribute ON attrelid = relation.oid AND NOT attisdropped AND attacl IS NOT NULL) AS object
  JOIN role AS owner_role ON owner_role.oid = owner
 CROSS JOIN LATERAL (
        SELECT grantee, string_agg(DISTINCT granted, ', ' ORDER BY granted) FILTER (WHERE is_actual) AS actual,
               string_agg(DISTINCT granted, ', ' ORDER BY granted) FILTER (WHERE NOT is_actual) AS standard
          FROM (SELECT CASE WHEN grantee_role.word = owner_role.word THEN 'owner' ELSE grantee_role.word END AS grantee,
                       is_actual,
                       privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END
                         || CASE WHEN grantor_role.word <> owner_role.word THEN ' by ' || grantor_role.word ELSE '' END AS granted
                  FROM (SELECT true AS is_actual, * FROM aclexplode(acl)
                         UNION ALL SELECT false, * FROM aclexplode(acldefault(letter::"char", owner))) AS item
                  JOIN role AS grantee_role ON grantee_role.oid = item.grantee
                  JOIN role AS grantor_role ON grantor_role.oid = item.grantor) AS named
         GROUP BY grantee) AS granted
 WHERE actual IS DISTINCT FROM standard
UNION ALL
SELECT format('default privileges of %s on %s%s to %s', owner_word,
              CASE defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions' WHEN 'T' THEN 'types'
                                 WHEN 'n' THEN 'schemas' ELSE 'large objects' END,
              ' in schema ' || quote_ident(nspname), grantee),
       coalesce(actual, 'none'), NULL, json_build_object('standard', standard)
  FROM (SELECT defaclrole, defaclobjtype, defaclacl, nspname, defaclnamespace, role.word AS owner_word
          FROM pg_default_acl
          JOIN role ON role.oid = defaclrole
          LEFT JOIN app_schema ON app_schema.oid = defaclnamespace
         WHERE CASE WHEN defaclnamespace = 0 THEN $1::text[] IS NULL ELSE app_schema.oid IS NOT NULL END) AS rule
 CROSS JOIN LATERAL (
        SELECT CASE WHEN role.word = owner_word THEN 'owner' ELSE role.word END AS grantee,
               string_agg(DISTINCT privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', ') FILTER (WHERE is_actual) AS actual,
               string_agg(DISTINCT privilege_type || CASE WHEN is_grantable THEN ' with grant option' ELSE '' END, ', ') FILTER (WHERE NOT is_actual) AS standard
          FROM (SELECT true AS is_actual, * FROM aclexplode(defaclacl)
                 UNION ALL
                SELECT false, item.* FROM aclexplode(acldefault(CASE defaclobjtype WHEN 'S' THEN 's' ELSE defaclobjtype END, defaclrole)) AS item
                 -- Those of one schema add to the defaults instead of replacing them.
                 WHERE defaclnamespace = 0) AS item
          JOIN role ON role.oid = item.grantee
         GROUP BY 1) AS granted
 WHERE actual IS DISTINCT FROM standard
UNION ALL
SELECT 'connection limit of the database', datconnlimit::text, NULL, NULL
  FROM pg_database WHERE datname = current_database() AND datconnlimit <> -1 AND $1::text[] IS NULL
UNION ALL
SELECT format('setting %s of %sthe database', split_part(setting, '=', 1), CASE WHEN setrole <> 0 THEN 'role ' || word || ' in ' ELSE '' END),
       CASE WHEN split_part(setting, '=', 1) ~* 'pass|secret|token|key|credential' THEN '(hidden)'
            ELSE substr(setting, strpos(setting, '=') + 1) END, NULL, NULL
  FROM pg_db_role_setting
  JOIN pg_database ON pg_database.oid = setdatabase AND datname = current_database()
  JOIN role ON role.oid = setrole
 CROSS JOIN unnest(setconfig) AS setting
 WHERE $1::text[] IS NULL
UNION ALL
SELECT 'comment on ' || label, description, belongs, json_build_object('object', label)
  FROM pg_description JOIN app_object ON classid = classoid AND objid = objoid
 WHERE objsubid = 0 AND (classid, objid) NOT IN (SELECT classid, objid FROM extension_member)
   AND NOT (objid = 2200 AND description = 'standard public schema')
   AND NOT (classid = 'pg_language'::regclass AND objid < 16384)
UNION ALL
SELECT 'comment on the database', description, NULL, NULL
  FROM pg_shdescription JOIN pg_database ON pg_database.oid = objoid AND datname = current_database()
 WHERE classoid = 'pg_database'::regclass AND $1::text[] IS NULL
UNION ALL
SELECT format('comment on column %s.%I', full_name, attname), description, full_name,
       json_build_object('object', format('column %s.%I', full_name, attname))
  FROM pg_description
  JOIN relation ON classoid = 'pg_class'::regclass AND objoid = relation.oid
  JOIN pg_attribute ON attrelid = objoid AND attnum = objsubid AND objsubid > 0
UNION ALL
SELECT format('security label %s on %s%s', provider, label_of.label, '.' || quote_ident(attname)), pg_seclabel.label, belongs, NULL
  FROM pg_seclabel
  JOIN app_object AS label_of ON label_of.classid = classoid AND label_of.objid = objoid
  LEFT JOIN pg_attribute ON classoid = 'pg_class'::regclass AND attrelid = objoid AND attnum = objsubid AND objsubid > 0
 WHERE (classoid, objoid) NOT IN (SELECT classid, objid FROM extension_member)
