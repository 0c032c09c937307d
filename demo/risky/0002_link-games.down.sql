ALTER TABLE games DROP CONSTRAINT IF EXISTS games_player_id_fkey;
ALTER TABLE players ALTER COLUMN id TYPE integer;
