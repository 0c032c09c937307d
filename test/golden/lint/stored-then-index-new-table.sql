CREATE TABLE docs (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, body text, tsv tsvector GENERATED ALWAYS AS (to_tsvector('simple', body)) STORED, owner bigint REFERENCES users (id) ON DELETE CASCADE);
CREATE INDEX docs_tsv ON docs USING gin (tsv);
CREATE INDEX docs_owner ON docs (owner);
ALTER TABLE docs ENABLE ROW LEVEL SECURITY;
CREATE POLICY docs_own ON docs USING (owner = 1);
CREATE TRIGGER docs_t BEFORE UPDATE ON docs FOR EACH ROW EXECUTE FUNCTION touch();
GRANT SELECT ON docs TO app;
COMMENT ON TABLE docs IS 'x';
