CREATE INDEX events_kind_idx ON ONLY events (kind);
CREATE INDEX CONCURRENTLY events_2023_kind_idx ON events_2023 (kind);
ALTER INDEX events_kind_idx ATTACH PARTITION events_2023_kind_idx;
