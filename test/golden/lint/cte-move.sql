WITH moved AS (DELETE FROM messages WHERE sent_at < '2020-01-01' RETURNING *)
INSERT INTO settings (key, value) SELECT id::text, to_jsonb(body) FROM moved;
