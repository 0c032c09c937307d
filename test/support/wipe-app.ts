import { setTimeout as sleep } from "node:timers/promises";
import { writeMarker } from "../../src/db/marker.js";
import type { Database } from "../../src/db/pool.js";
import { createScratchDatabase, type ScratchDatabase, type ServerName } from "./postgres.js";

/** The configuration of a small app whose one scope empties tables and resets a column. */
export const wipeAppConfig = {
  app: {
    scopes: [
      {
        name: "rooms",
        summary: "rooms",
        tables: ["rooms", "seats"],
        resets: [{ table: "people", column: "posts", value: "'[]'" }],
      },
    ],
  },
};

/** Its database, marked as development, with so many people and rooms, and four seats a room. */
export async function createWipeApp(rows: number, server?: ServerName): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase(server ? { server } : {});
  await using database = await scratch.open();
  await using connection = await database.connect();
  await connection.execute(`
    CREATE TABLE people (id serial PRIMARY KEY, posts jsonb NOT NULL DEFAULT '[]');
    CREATE TABLE rooms (id serial PRIMARY KEY, owner int REFERENCES people);
    CREATE TABLE seats (room int REFERENCES rooms, seat int, PRIMARY KEY (room, seat));
    INSERT INTO people (posts) SELECT CASE WHEN n % 2 = 0 THEN '[7]'::jsonb ELSE '[]' END FROM generate_series(1, ${rows}) AS n;
    INSERT INTO rooms (owner) SELECT n FROM generate_series(1, ${rows}) AS n;
    INSERT INTO seats SELECT n, s FROM generate_series(1, ${rows}) AS n, generate_series(1, 4) AS s`);
  await writeMarker(connection, "development");
  return scratch;
}

/** The server ends the statement that a killed process had sent before it notices. */
export async function untilAlone(database: Database): Promise<void> {
  const others = `SELECT FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'`;
  while ((await database.query(others)).length > 0) await sleep(20);
}
