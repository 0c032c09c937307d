-- The names that a server has for itself: a tunnel or an alias changes what was configured, and none of these.
SELECT host(inet_server_addr()) AS address, inet_server_port() AS port, current_setting('cluster_name') AS "clusterName"
