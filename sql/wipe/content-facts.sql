-- What to read of the tables $1 (oids) besides their number of rows. Only for tables that are going to be opened anyway:
-- spelling a default may wait for a lock on its table.
SELECT class.oid::int8::float8 AS oid,
       nspname::text AS schema,
       relname::text AS name,
       -- Reading xmin takes the right to the whole table; a count is satisfied with one column.
       has_table_privilege(class.oid, 'SELECT') AS "isReadable",
       -- Other access methods need not keep a row's transaction.
       class.relkind = 'p' OR EXISTS (SELECT FROM pg_am WHERE pg_am.oid = class.relam AND amname = 'heap') AS "isHeap",
       -- The hash function of a transaction number has a name from PostgreSQL 18 on.
       to_regproc('pg_catalog.hashxid') IS NOT NULL AS "hashesXid",
       ARRAY(SELECT attname::text
               FROM pg_attribute
               JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
              WHERE attrelid = class.oid
                AND attgenerated = ''
                AND atttypid = 'timestamptz'::regtype
                AND pg_get_expr(adbin, adrelid) ~* '^\(?((now|clock_timestamp|statement_timestamp|transaction_timestamp)\(\)|current_timestamp(\(\d\))?)\)?$'
              ORDER BY attnum) AS "timeColumns",
       -- Every catalog row that says how the table is built has the transaction that wrote it. pg_class is left out: VACUUM
       -- FULL writes there.
       concat_ws('/', class.relowner, class.relkind, class.relpersistence, class.relrowsecurity, class.relforcerowsecurity,
         (SELECT concat_ws('/', count(*), sum(version::text::int8))
            FROM (SELECT xmin FROM pg_attribute WHERE attrelid = class.oid AND attnum > 0
                  UNION ALL SELECT xmin FROM pg_attrdef WHERE adrelid = class.oid
                  UNION ALL SELECT xmin FROM pg_constraint WHERE conrelid = class.oid
                  UNION ALL SELECT xmin FROM pg_trigger WHERE tgrelid = class.oid
                  UNION ALL SELECT xmin FROM pg_rewrite WHERE ev_class = class.oid
                  UNION ALL SELECT xmin FROM pg_policy WHERE polrelid = class.oid
                  UNION ALL SELECT xmin FROM pg_inherits WHERE inhrelid = class.oid OR inhparent = class.oid) AS part (version))) AS structure
  FROM pg_class AS class
  JOIN pg_namespace AS namespace ON namespace.oid = class.relnamespace
 WHERE class.oid = ANY ($1::oid[])
