CREATE MATERIALIZED VIEW IF NOT EXISTS daily AS SELECT date_trunc('day', sent_at) AS day, count(*) FROM messages GROUP BY 1;
CREATE UNIQUE INDEX IF NOT EXISTS daily_day_idx ON daily (day);
REFRESH MATERIALIZED VIEW daily;
