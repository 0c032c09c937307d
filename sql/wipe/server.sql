-- Which database this really is: a URL proves nothing, a tunnel makes any server look like localhost.
SELECT current_database()                                   AS database,
       database.oid::int8::float8                           AS "databaseOid",
       (SELECT system_identifier::text FROM pg_control_system()) AS "systemIdentifier",
       host(inet_server_addr())                              AS address,
       inet_server_port()                                   AS port,
       session_user::text                                   AS role,
       current_setting('server_version')                    AS "serverVersion",
       current_setting('track_commit_timestamp') = 'on'     AS "tracksCommits"
  FROM pg_database AS database
 WHERE database.datname = current_database()
