import type { Connection, Database } from "../db/pool.js";
import type { ScratchDatabase, ScratchServer } from "../db/scratch.js";
import { newSession } from "./run.js";

/** The database that holds what the migrations have built so far. */
export interface ProofGround extends AsyncDisposable {
  readonly server: ScratchServer;
  /** The session on it; the same one until the next copy. */
  connect(): Promise<Connection>;
  /** For what wants more than one session; not to be kept. */
  open(): Promise<Database>;
  /** A copy of it as it is now, for `openTrial`. */
  copy(): Promise<ScratchDatabase>;
  /** A copy of it to try one thing on. */
  trial(): Promise<Trial>;
}

/** A copy to try something on; gone at the end of its `await using` scope. */
export interface Trial extends AsyncDisposable {
  readonly connection: Connection;
  readonly database: Database;
}

/** Makes an empty database to build on. */
export async function openGround(server: ScratchServer): Promise<ProofGround> {
  const scratch = await server.createDatabase();
  let session: Trial | undefined;
  const close = async () => {
    await session?.[Symbol.asyncDispose]();
    session = undefined;
  };
  const open = async () => {
    session ??= await openSession(scratch);
    return session;
  };
  return {
    server,
    connect: async () => (await open()).connection,
    open: async () => (await open()).database,
    async copy() {
      // PostgreSQL copies only what nobody is connected to.
      await close();
      return server.createDatabase(scratch.name);
    },
    async trial() {
      await close();
      return openTrial(server, scratch);
    },
    async [Symbol.asyncDispose]() {
      await close();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** Copies a database that nobody is connected to. */
export async function openTrial(server: ScratchServer, template: ScratchDatabase): Promise<Trial> {
  const scratch = await server.createDatabase(template.name);
  try {
    const session = await openSession(scratch);
    return {
      ...session,
      async [Symbol.asyncDispose]() {
        await session[Symbol.asyncDispose]();
        await scratch[Symbol.asyncDispose]();
      },
    };
  } catch (error) {
    await scratch[Symbol.asyncDispose]();
    throw error;
  }
}

async function openSession(scratch: ScratchDatabase): Promise<Trial> {
  const database = await scratch.open({ maxConnections: 2 });
  const connection = await database.connect();
  await newSession(connection);
  return {
    connection,
    database,
    async [Symbol.asyncDispose]() {
      await connection[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
    },
  };
}
