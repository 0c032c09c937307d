-- What an older release brought.
CREATE TABLE IF NOT EXISTS players (
  id         integer     PRIMARY KEY,
  email      text        NOT NULL,
  created_at timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE IF NOT EXISTS games (
  id        bigint      CONSTRAINT games_pkey PRIMARY KEY,
  player_id integer     NOT NULL,
  state     text        NOT NULL DEFAULT 'open'
);
