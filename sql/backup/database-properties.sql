-- The database itself. Through JSON, since the columns of locale and provider are other ones in each version.
SELECT pg_get_userbyid(datdba)                             AS owner,
       pg_encoding_to_char(encoding)                       AS encoding,
       datcollate                                          AS collate,
       datctype                                            AS ctype,
       coalesce(facts ->> 'datlocprovider', 'c')           AS "localeProvider",
       coalesce(facts ->> 'datlocale', facts ->> 'daticulocale') AS locale,
       datconnlimit                                        AS "connectionLimit",
       shobj_description(pg_database.oid, 'pg_database')   AS comment
  FROM pg_database
 CROSS JOIN LATERAL to_jsonb(pg_database) AS facts
 WHERE datname = current_database()
