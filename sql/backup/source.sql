-- Where a backup comes from.
SELECT current_database()                                                       AS database,
       current_setting('server_version')                                        AS "serverVersion",
       (SELECT system_identifier::text FROM pg_control_system())                AS "systemIdentifier",
       (SELECT pg_encoding_to_char(encoding) FROM pg_database WHERE datname = current_database()) AS encoding
