INSERT INTO rooms (id, title, updated_at) OVERRIDING SYSTEM VALUE VALUES (1, 'Lobby', now()) ON CONFLICT (id) DO UPDATE SET title = EXCLUDED.title, updated_at = now();
