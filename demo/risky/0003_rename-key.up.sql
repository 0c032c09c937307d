-- Every part is guarded, and a second run still takes the primary key away without a word.
ALTER TABLE games
  DROP CONSTRAINT IF EXISTS games_pkey,
  ADD COLUMN IF NOT EXISTS game_key uuid DEFAULT gen_random_uuid() CONSTRAINT games_pkey PRIMARY KEY;
