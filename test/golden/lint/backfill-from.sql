UPDATE messages m SET author_id = r.owner_id FROM rooms r WHERE r.id = m.room_id AND m.author_id IS NULL;
