import type { Connection } from "../../src/db/pool.js";

/** The tables that the statements of the truth table are tried on; each gets rows. */
export const truthSchema = `
CREATE DOMAIN percent AS integer;
CREATE DOMAIN short_text AS varchar(40);
CREATE TYPE mood AS ENUM ('happy', 'sad');
CREATE TABLE users (
  id bigint PRIMARY KEY,
  email varchar(100) NOT NULL,
  name text,
  nick varchar(20) CHECK (length(nick) < 30),
  code char(5),
  age integer,
  points integer NOT NULL,
  score numeric(10,2),
  tags json,
  labels varchar(10)[],
  seen timestamp,
  made timestamp(3),
  address cidr,
  flags bit varying(8),
  progress percent,
  raw text,
  mail text GENERATED ALWAYS AS (lower(raw)) STORED,
  CONSTRAINT users_age_set CHECK (age IS NOT NULL),
  CONSTRAINT users_age_range CHECK (age >= 0)
);
CREATE INDEX users_email_idx ON users (email);
CREATE INDEX users_seen_idx ON users (seen);
CREATE INDEX users_points_idx ON users (points);
CREATE INDEX users_name_idx ON users (name) WHERE name IS NOT NULL;
CREATE UNIQUE INDEX users_code_points_key ON users (id, points);
CREATE UNIQUE INDEX users_id_again ON users (id);
CREATE TABLE rooms (id bigint NOT NULL, owner bigint, guest bigint, title text, kind text, size integer, slug varchar(20));
CREATE UNIQUE INDEX rooms_id_key ON rooms (id);
CREATE UNIQUE INDEX rooms_guest_key ON rooms (guest);
ALTER TABLE rooms ADD CONSTRAINT rooms_owner_fkey FOREIGN KEY (owner) REFERENCES users NOT VALID;
ALTER TABLE rooms ADD CONSTRAINT rooms_size_check CHECK (size > 0) NOT VALID;
CREATE TABLE events (id bigint NOT NULL, at date NOT NULL) PARTITION BY RANGE (at);
CREATE TABLE events_2029 PARTITION OF events FOR VALUES FROM ('2029-01-01') TO ('2030-01-01');
CREATE TABLE events_2030 (id bigint NOT NULL, at date NOT NULL);
CREATE TABLE events_2031 (id bigint NOT NULL, at date NOT NULL, CHECK (at >= '2031-01-01' AND at < '2032-01-01'));
CREATE MATERIALIZED VIEW counts AS SELECT progress, count(*) AS people FROM users GROUP BY progress;
CREATE UNIQUE INDEX counts_key ON counts (progress);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
CREATE TRIGGER users_touch BEFORE UPDATE ON users FOR EACH ROW EXECUTE FUNCTION touch();
CREATE POLICY users_all ON users USING (true);
`;

export const truthRows = `
INSERT INTO users (id, email, name, nick, code, age, points, score, tags, labels, seen, made, address, flags, progress)
  SELECT n, 'user' || n, 'name' || n, 'nick' || n, 'c', 20, n, 1.5, '{}', '{a}', now(), now(), '10.0.0.0/8', B'1', 5
  FROM generate_series(1, 3000) n;
INSERT INTO rooms SELECT n, n, n, 'room', 'kind', 5, 'slug' FROM generate_series(1, 2000) n;
INSERT INTO events SELECT n, '2029-05-05' FROM generate_series(1, 1000) n;
INSERT INTO events_2030 SELECT n, '2030-05-05' FROM generate_series(1, 1000) n;
INSERT INTO events_2031 SELECT n, '2031-05-05' FROM generate_series(1, 1000) n;
REFRESH MATERIALIZED VIEW counts;
`;

/** What a transaction did to one relation that was there before. */
export interface RelationTruth {
  readonly name: string;
  /** The strongest lock, as pg_locks names it, AccessShare and RowShare left out. */
  readonly mode: string | undefined;
  readonly isRewritten: boolean;
  readonly rowsRead: number;
}

/** Runs SQL in a transaction that is rolled back, and tells what it did to each table and materialized view. */
export async function measure(connection: Connection, sql: string): Promise<readonly RelationTruth[]> {
  const [truth = []] = await measureEach(connection, [sql]);
  return truth;
}

/** The same for several statements in one transaction, each by itself; the locks are those that are held by then. */
export async function measureEach(
  connection: Connection,
  statements: readonly string[],
): Promise<readonly (readonly RelationTruth[])[]> {
  const truths: (readonly RelationTruth[])[] = [];
  await connection.execute("BEGIN");
  try {
    for (const sql of statements) {
      const before = await readState(connection);
      await connection.execute(sql).catch((error: unknown) => {
        throw new Error(`${sql}: ${error}`, { cause: error });
      });
      truths.push(difference(before, await readState(connection)));
    }
    return truths;
  } finally {
    await connection.execute("ROLLBACK");
  }
}

function difference(before: readonly State[], after: readonly State[]): readonly RelationTruth[] {
  const later = new Map(after.map((state) => [state.oid, state]));
  return before.map(({ oid, name, file, read }) => {
    const now = later.get(oid);
    if (now === undefined) return { name, mode: "AccessExclusive", isRewritten: false, rowsRead: 0 };
    return { name, mode: strongest(now.modes), isRewritten: now.file !== file, rowsRead: now.read - read };
  });
}

interface State {
  readonly oid: number;
  readonly name: string;
  readonly file: string | null;
  readonly read: number;
  readonly modes: readonly string[];
}

function readState(connection: Connection): Promise<readonly State[]> {
  return connection.query<State>(`
    SELECT c.oid::int AS oid, c.relname AS name, pg_relation_filenode(c.oid)::text AS file,
      coalesce(pg_stat_get_xact_tuples_returned(c.oid), 0)::int AS read,
      (SELECT coalesce(array_agg(mode), '{}') FROM pg_locks WHERE relation = c.oid AND pid = pg_backend_pid()) AS modes
    FROM pg_class c
    WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p', 'm')
    ORDER BY c.relname`);
}

const order = ["ShareUpdateExclusive", "Share", "ShareRowExclusive", "Exclusive", "AccessExclusive"];

function strongest(modes: readonly string[]): string | undefined {
  const known = modes.map((mode) => order.indexOf(mode.replace(/Lock$/, "")));
  return order[Math.max(-1, ...known)];
}
