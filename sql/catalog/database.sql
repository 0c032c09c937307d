-- What is said of the database itself. Settings as they are kept: lists are written as SQL writes them.
SELECT (SELECT json_agg(json_build_object('role', rolname, 'setting', setting) ORDER BY rolname NULLS FIRST, number)
          FROM pg_db_role_setting
          LEFT JOIN pg_roles ON pg_roles.oid = setrole
         CROSS JOIN unnest(setconfig) WITH ORDINALITY AS list (setting, number)
         WHERE setdatabase = pg_database.oid) AS settings,
       nullif(datconnlimit, -1) AS "connectionLimit",
       shobj_description(pg_database.oid, 'pg_database') AS comment,
       EXISTS (SELECT FROM pg_namespace WHERE nspname = 'public') AS "hasPublic"
  FROM pg_database
 WHERE datname = current_database()
