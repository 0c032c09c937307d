-- What bench/backup.js backs up: chat messages with words, uuids, times and some jsonb, and two smaller tables.
CREATE TABLE messages (
    id      bigint PRIMARY KEY,
    room    uuid NOT NULL,
    sender  uuid NOT NULL,
    body    text NOT NULL,
    sent_at timestamptz NOT NULL,
    number  int NOT NULL,
    extra   jsonb
);
CREATE TABLE users (id uuid PRIMARY KEY, name text, email text UNIQUE, points int, created_at timestamptz);
CREATE TABLE sessions (id bigint PRIMARY KEY, message_id bigint REFERENCES messages, ip inet, at timestamptz, device jsonb);
CREATE INDEX ON messages (room, number);
CREATE INDEX ON messages (sender);

CREATE FUNCTION words(seed bigint, count int) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT string_agg((ARRAY['hello','there','how','are','you','today','the','call','dropped','again','see','later','maybe','we',
                             'should','meet','at','library','exam','coffee','right','now','ok','lol','what','time','is','it',
                             'friend','music','movie','study','group','project','deadline'])[1 + abs(hashint8(seed * 31 + number)) % 35], ' ')
      FROM generate_series(1, count) AS number
$$;

CREATE PROCEDURE fill_bench(messages int) LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO users SELECT md5(n::text)::uuid, words(n, 2), 'user' || n || '@example.com', n % 1000, now() - n * interval '1 min'
      FROM generate_series(1, messages / 20) AS n;
    INSERT INTO messages
    SELECT n, md5((n / 50)::text)::uuid, md5((n % 5000)::text)::uuid, words(n, 10 + n % 40), now() - n * interval '1 s', n % 50,
           CASE WHEN n % 5 = 0 THEN jsonb_build_object('read', true, 'reactions', jsonb_build_array(words(n, 1))) END
      FROM generate_series(1, messages) AS n;
    INSERT INTO sessions
    SELECT n, n, ('10.' || n % 250 || '.' || n % 200 || '.1')::inet, now() - n * interval '1 s', jsonb_build_object('agent', words(n, 6))
      FROM generate_series(1, messages / 8) AS n;
END
$$;
