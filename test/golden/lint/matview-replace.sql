DROP MATERIALIZED VIEW IF EXISTS room_counts;
CREATE MATERIALIZED VIEW room_counts AS SELECT owner_id, count(*) AS n, max(updated_at) AS last FROM rooms GROUP BY owner_id;
CREATE UNIQUE INDEX room_counts_owner_idx ON room_counts (owner_id);
