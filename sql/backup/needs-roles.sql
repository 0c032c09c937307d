-- Roles that SQL names when this database is made again: owners, grantees and grantors, roles of policies, default
-- privileges and user mappings, and roles with settings of their own in this database. pg_shdepend knows them all, except
-- the role that initdb made: on that one nothing is noted, so its objects are looked for.
WITH here AS (SELECT oid, datdba, datacl FROM pg_database WHERE datname = current_database()),
     noted AS (
       SELECT refobjid AS oid
         FROM pg_shdepend AS note
        WHERE refclassid = 'pg_authid'::regclass
          AND dbid = (SELECT oid FROM here)
          -- An extension and what it made belong to whoever runs CREATE EXTENSION.
          AND NOT (deptype = 'o' AND (classid = 'pg_extension'::regclass OR EXISTS (
                SELECT FROM pg_depend AS member
                 WHERE member.classid = note.classid AND member.objid = note.objid AND member.deptype = 'e')))
     ),
     owned (classid, objid, owner, acl) AS (
       SELECT 'pg_class'::regclass, oid, relowner, relacl FROM pg_class WHERE relkind NOT IN ('i', 'I', 't')
       UNION ALL SELECT 'pg_class'::regclass, attrelid, NULL, attacl FROM pg_attribute WHERE attacl IS NOT NULL
       UNION ALL SELECT 'pg_proc'::regclass, oid, proowner, proacl FROM pg_proc
       UNION ALL SELECT 'pg_type'::regclass, oid, typowner, typacl FROM pg_type
       UNION ALL SELECT 'pg_namespace'::regclass, oid, nspowner, nspacl FROM pg_namespace
       UNION ALL SELECT 'pg_operator'::regclass, oid, oprowner, NULL FROM pg_operator
       UNION ALL SELECT 'pg_opclass'::regclass, oid, opcowner, NULL FROM pg_opclass
       UNION ALL SELECT 'pg_opfamily'::regclass, oid, opfowner, NULL FROM pg_opfamily
       UNION ALL SELECT 'pg_collation'::regclass, oid, collowner, NULL FROM pg_collation
       UNION ALL SELECT 'pg_conversion'::regclass, oid, conowner, NULL FROM pg_conversion
       UNION ALL SELECT 'pg_language'::regclass, oid, lanowner, lanacl FROM pg_language
       UNION ALL SELECT 'pg_ts_config'::regclass, oid, cfgowner, NULL FROM pg_ts_config
       UNION ALL SELECT 'pg_ts_dict'::regclass, oid, dictowner, NULL FROM pg_ts_dict
       UNION ALL SELECT 'pg_statistic_ext'::regclass, oid, stxowner, NULL FROM pg_statistic_ext
       UNION ALL SELECT 'pg_foreign_data_wrapper'::regclass, oid, fdwowner, fdwacl FROM pg_foreign_data_wrapper
       UNION ALL SELECT 'pg_foreign_server'::regclass, oid, srvowner, srvacl FROM pg_foreign_server
       UNION ALL SELECT 'pg_event_trigger'::regclass, oid, evtowner, NULL FROM pg_event_trigger
       UNION ALL SELECT 'pg_publication'::regclass, oid, pubowner, NULL FROM pg_publication
       UNION ALL SELECT 'pg_largeobject_metadata'::regclass, oid, lomowner, lomacl FROM pg_largeobject_metadata
       UNION ALL SELECT 'pg_default_acl'::regclass, oid, defaclrole, defaclacl FROM pg_default_acl
       UNION ALL SELECT 'pg_user_mapping'::regclass, umid, umuser, NULL FROM pg_user_mappings
     ),
     -- Objects of initdb have numbers below 16384: of those, schema public may have got another owner. The numbers of large
     -- objects may be chosen.
     made AS (
       SELECT owner, acl FROM owned
        WHERE (objid >= 16384 OR classid = 'pg_largeobject_metadata'::regclass
               OR (classid = 'pg_namespace'::regclass AND objid = 2200))
          AND NOT EXISTS (SELECT FROM pg_depend AS member
                           WHERE member.classid = owned.classid AND member.objid = owned.objid AND member.deptype = 'e')
       UNION ALL SELECT datdba, datacl FROM here
     ),
     named AS (
       SELECT oid FROM noted
       UNION SELECT owner FROM made
       UNION SELECT granted.role FROM made, aclexplode(acl) AS entry,
                    LATERAL (VALUES (entry.grantee), (entry.grantor)) AS granted (role)
       UNION SELECT unnest(polroles) FROM pg_policy
       UNION SELECT setrole FROM pg_db_role_setting WHERE setdatabase = (SELECT oid FROM here)
     )
SELECT rolname AS name
  FROM pg_roles
 WHERE oid IN (SELECT oid FROM named) AND rolname !~ '^pg_'
 ORDER BY rolname COLLATE "C"
