SET search_path = app, public;
CREATE TABLE IF NOT EXISTS things (id bigint PRIMARY KEY);
CREATE INDEX IF NOT EXISTS things_id_idx ON things (id);
DROP TABLE IF EXISTS oldthings;
