import { randomBytes } from "node:crypto";
import { openDatabase } from "../../src/db/pool.js";
import { serverTarget } from "./postgres.js";

/** A superuser of a test's own, for `--scratch-url`: other tests make databases on the same server meanwhile. */
export interface ScratchOwner extends AsyncDisposable {
  readonly url: string;
  /** Names of the databases that it owns now. */
  databases(): Promise<readonly string[]>;
}

export async function createScratchOwner(): Promise<ScratchOwner> {
  const server = await serverTarget();
  const role = `owner_${randomBytes(6).toString("hex")}`;
  const database = await openDatabase({ ...server, database: "postgres" }, { maxConnections: 1 });
  await database.execute(`CREATE ROLE ${role} SUPERUSER LOGIN PASSWORD '${role}'`);
  return {
    url: `postgresql://${role}:${role}@${server.host}:${server.port}/postgres?sslmode=disable`,
    async databases() {
      const owned = "SELECT datname AS name FROM pg_database WHERE datdba = $1::regrole ORDER BY 1";
      return (await database.query<{ name: string }>(owned, [role])).map(({ name }) => name);
    },
    async [Symbol.asyncDispose]() {
      await database.execute(`DROP ROLE ${role}`);
      await database[Symbol.asyncDispose]();
    },
  };
}
