import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { ParsedMigration } from "../migrate/build.js";
import { newSession, newSessionInside, refusalOf, runStatements } from "./ground.js";
import { mayMoveSequences } from "./writes.js";

/**
 * True when up and then down, in one transaction that is rolled back, leave the very rows of the catalog that were there
 * before, and wrote none of the app's. Then down leads back exactly, and up from there to where it led, without comparing
 * what the catalog says. False means no more than that a closer look is due: a column that comes and goes leaves a trace.
 */
export async function leavesCatalogUntouched(connection: Connection, { up, down }: ParsedMigration): Promise<boolean> {
  if (down === undefined || down.ownControl || !up.isTransactional || !down.isTransactional) return false;
  // What sequences gave away would be missing afterwards, and keeping it leaves traces of its own.
  if (mayMoveSequences([...up.statements, ...down.statements])) return false;
  let counts: readonly LiveRows[] | undefined;
  await connection.execute("BEGIN");
  try {
    if (await runStatements(connection, up.statements)) return false;
    await newSessionInside(connection);
    if (await runStatements(connection, down.statements)) return false;
    if (await refusalOf(connection.execute("SET CONSTRAINTS ALL IMMEDIATE"))) return false;
    await newSessionInside(connection);
    const written = await connection.query<{ relation: string; isCatalog: boolean }>(loadStatement("prove/writes"));
    if (written.some(({ isCatalog }) => !isCatalog)) return false;
    counts = await countLive(connection, written);
    if (counts.some(({ own }) => own > 0)) return false;
  } finally {
    await connection.execute("ROLLBACK");
    await newSession(connection);
  }
  // Nothing there is new; as many as before, so nothing is gone either.
  const before = await countLive(connection, counts);
  return counts.every(({ relation, live }) => before.find((one) => one.relation === relation)?.live === live);
}

interface LiveRows {
  readonly relation: string;
  readonly live: number;
  /** Rows that this transaction or a subtransaction of it wrote: their age is not positive. */
  readonly own: number;
}

async function countLive(
  connection: Connection,
  relations: readonly { readonly relation: string }[],
): Promise<readonly LiveRows[]> {
  if (relations.length === 0) return [];
  const parts = relations.map(
    // Names of the catalog: nothing in them is to be quoted.
    ({ relation }) =>
      `SELECT '${relation}' AS relation, count(*)::float8 AS live,
              count(*) FILTER (WHERE age(xmin) <= 0)::float8 AS own FROM ${relation}`,
  );
  return connection.query<LiveRows>(parts.join(" UNION ALL "));
}
