ALTER TABLE users ALTER COLUMN nick TYPE varchar(100);
ALTER TABLE users ALTER COLUMN nick TYPE text;
ALTER TABLE users ALTER COLUMN age TYPE bigint;
ALTER TABLE users ALTER COLUMN prefs TYPE jsonb USING prefs::jsonb;
ALTER TABLE messages ALTER COLUMN sent_at TYPE timestamptz USING sent_at AT TIME ZONE 'UTC';
ALTER TABLE users ALTER COLUMN score TYPE numeric(12,2);
