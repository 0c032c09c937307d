INSERT INTO settings AS s (key, value) VALUES ('n', '1') ON CONFLICT (key) DO UPDATE SET value = to_jsonb((s.value)::int + 1);
