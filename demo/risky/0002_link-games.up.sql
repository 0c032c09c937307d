-- Each of these stops the app for as long as it takes.
ALTER TABLE players ALTER COLUMN id TYPE bigint;
CREATE INDEX IF NOT EXISTS games_player_id_idx ON games (player_id);
ALTER TABLE games ADD CONSTRAINT games_player_id_fkey FOREIGN KEY (player_id) REFERENCES players (id) ON DELETE CASCADE;
