DO $$ BEGIN
  ALTER TABLE messages ADD CONSTRAINT messages_author_fk FOREIGN KEY (author_id) REFERENCES users (id) ON DELETE SET NULL;
EXCEPTION WHEN duplicate_object THEN null;
END $$;
