-- The bytes of large objects by megabytes, as the snapshot of the session has them. A descriptor is open only while the
-- length is asked for: each step stands in a subquery of its own, which OFFSET 0 and volatile functions keep in order, and
-- the whole in the list of a SELECT, where nothing remembers its result for another row. An empty object is one empty page.
-- Megabytes of zeros are left out, except at the end, which says how long the object is: a hole stays a hole.
SELECT oid, number, bytes
  FROM (SELECT oid, number, is_last,
               lo_get(oid, number::bigint * 1048576, 1048576) AS bytes
          FROM (SELECT oid,
                       (SELECT size + lo_close(descriptor)
                          FROM (SELECT descriptor, lo_lseek64(descriptor, 0, 2) AS size
                                  FROM (SELECT lo_open(oid, 262144) AS descriptor OFFSET 0) AS opened
                                OFFSET 0) AS measured) AS size
                  FROM pg_largeobject_metadata
                 ORDER BY oid
                OFFSET 0) AS object
         CROSS JOIN LATERAL (SELECT number, number = last AS is_last
                               FROM (SELECT (greatest(size - 1, 0) / 1048576)::int AS last) AS length,
                                    generate_series(0, last) AS number) AS page
        OFFSET 0) AS read
 WHERE is_last OR ltrim(bytes, decode('00', 'hex')) <> ''
