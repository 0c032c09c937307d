import type { Connection, Database } from "../db/pool.js";
import type { ScratchDatabase, ScratchServer } from "../db/scratch.js";
import { codeOf } from "../db/sqlstate.js";
import { loadStatement } from "../db/statement.js";
import type { ParsedStatement } from "../migrate/parse.js";
import type { Script } from "../migrate/script.js";

/** The database that holds what the migrations have built so far. */
export interface ProofGround extends AsyncDisposable {
  readonly server: ScratchServer;
  /** The session on it; the same one until the next copy. */
  connect(): Promise<Connection>;
  /** For what wants more than one session; not to be kept. */
  open(): Promise<Database>;
  /** A copy of it as it is now, for `openTrial`. */
  copy(): Promise<ScratchDatabase>;
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

/** Where a script ended early: the server refused the statement. */
export interface Stop {
  readonly statement: ParsedStatement;
  readonly error: unknown;
}

type AfterEach = (statement: ParsedStatement) => Promise<void>;

/** Runs a script as the runner does: in one transaction, or each statement by itself; then begins a new session. */
export async function runWhole(
  connection: Connection,
  script: Script,
  afterEach?: AfterEach,
): Promise<Stop | undefined> {
  const { statements, isTransactional } = script;
  if (isTransactional) await connection.execute("BEGIN");
  const stop = await runStatements(connection, statements, afterEach);
  const atEnd = isTransactional ? await end(connection, statements, stop) : stop;
  await newSession(connection);
  return atEnd;
}

/** Runs statements as they come, in the transaction that is open or each by itself. */
export async function runStatements(
  connection: Connection,
  statements: readonly ParsedStatement[],
  afterEach?: AfterEach,
): Promise<Stop | undefined> {
  for (const statement of statements) {
    const error = await refusalOf(connection.query(statement.text));
    if (error !== undefined) return { statement, error };
    await afterEach?.(statement);
  }
  return undefined;
}

/** What the server refused, or undefined when it did not. Throws what is not its answer: a lost session, an abort. */
export async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  try {
    await work;
    return undefined;
  } catch (error) {
    const severity: unknown = typeof error === "object" && error !== null ? Reflect.get(error, "severity") : undefined;
    if (severity === "ERROR" && codeOf(error) !== undefined) return error;
    throw error;
  }
}

/** Not inside of a transaction; there `prove/new-session` does. Without jit, which only slows the catalog's queries. */
export function newSession(connection: Connection): Promise<void> {
  return connection.reset({ jit: "off" });
}

/** The same inside of a transaction. */
export async function newSessionInside(connection: Connection): Promise<void> {
  await connection.execute(loadStatement("prove/new-session"));
}

/** What is deferred comes up at COMMIT, and belongs to the last statement then. */
async function end(
  connection: Connection,
  statements: readonly ParsedStatement[],
  stop: Stop | undefined,
): Promise<Stop | undefined> {
  if (stop === undefined) {
    const error = await refusalOf(connection.execute("COMMIT"));
    const statement = statements.at(-1);
    return error === undefined || statement === undefined ? undefined : { statement, error };
  }
  await connection.execute("ROLLBACK");
  return stop;
}
