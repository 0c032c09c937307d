import type { Connection } from "../db/pool.js";
import { readSchemaSnapshot, type SchemaSnapshot } from "../db/snapshot.js";
import type { ParsedMigration } from "../migrate/build.js";
import type { Script } from "../migrate/script.js";
import { effectOf, leavesAll } from "./effect.js";
import type { PrefixMode } from "./model.js";
import { prefixesOf } from "./prefixes.js";
import { newSessionAfter, newSessionTexts, runTogether, textsOf } from "./run.js";
import { isSameSchema } from "./state.js";
import { goBack, type WayBack } from "./way-back.js";
import { countersIn, countersText, ownSequencesTexts } from "./writes.js";

/** What a quick look at a migration showed, before it was applied. */
export interface FirstLook {
  /** How many statements had run, for each prefix that was tried. */
  readonly tried: readonly number[];
  /** Those of them that have to be tried for real. */
  readonly suspects: readonly number[];
  /** True when down leads back to the very rows that were there, in the catalog and in the tables it wrote to. */
  readonly leadsBack: boolean;
}

/**
 * Looks at a migration in one transaction that is rolled back: after each statement at what the interrupted prefix would do
 * when it is run again, and in the end at where down leads. Outside of a transaction nothing can be tried for free: all
 * prefixes are suspects.
 */
export async function lookFirst(
  connection: Connection,
  migration: ParsedMigration,
  mode: PrefixMode,
): Promise<FirstLook> {
  const { up, down } = migration;
  const tried = prefixesOf(up, mode);
  if (!up.isTransactional) return { tried, suspects: tried, leadsBack: false };
  const limit = mode === "all" ? tried.length : autoLimit;
  const look: Look = { connection, script: up, limit, compared: 0, end: undefined, isClean: true };
  let suspects: readonly number[] | undefined;
  let isBack: WayBack | undefined;
  try {
    const sequences = ownSequencesTexts({ statements: [...up.statements, ...(down?.statements ?? [])] });
    const opened = await runTogether(connection, ["BEGIN", countersText(), ...sequences]);
    suspects = await suspectsAmong(look, tried);
    const start = { before: countersIn(opened?.[1]), isClean: look.isClean };
    if (suspects !== undefined) isBack = await goBack(connection, migration, start);
  } finally {
    await connection.execute("ROLLBACK");
    await newSessionAfter(connection, up, ...(down === undefined ? [] : [down]));
  }
  // A file that does not apply at all is found when it is applied.
  if (suspects === undefined) return { tried: [], suspects: [], leadsBack: false };
  return { tried, suspects, leadsBack: (await isBack?.()) ?? false };
}

/** Of those that write to the catalog when they run again, how many are compared in `auto`. */
const autoLimit = 3;

interface Look {
  readonly connection: Connection;
  readonly script: Script;
  readonly limit: number;
  compared: number;
  /** True as long as no prefix has written anything that was then undone. */
  isClean: boolean;
  /** Where the script leads without an interruption. */
  end: SchemaSnapshot | undefined;
}

/** Runs the script and tries its prefixes on the way. Undefined when it does not run at all. */
async function suspectsAmong(look: Look, tried: readonly number[]): Promise<readonly number[] | undefined> {
  const { connection, script } = look;
  const suspects: number[] = [];
  let done = 0;
  for (const count of [...tried, script.statements.length]) {
    const next = textsOf(script.statements.slice(done, count));
    if (next.length > 0 && !(await runTogether(connection, next))) return undefined;
    done = count;
    if (tried.includes(count) && !(await converges(look, count))) suspects.push(count);
  }
  return suspects;
}

/**
 * Where a prefix runs once more without writing anything, or writes what was there, what follows finds what it would have
 * found without the interruption, and nothing needs to be compared. Otherwise the rest runs too, and the ends are compared.
 */
async function converges(look: Look, count: number): Promise<boolean> {
  const { connection, script } = look;
  const reset = newSessionTexts(script);
  const again = [...reset, ...textsOf(script.statements.slice(0, count)), ...reset];
  const effect = await effectOf(connection, { texts: again });
  if (effect !== "nothing") look.isClean = false;
  if (effect !== "catalog") return leavesAll(effect);
  const rest = [...textsOf(script.statements.slice(count)), ...reset];
  const found = await undone(connection, async () => {
    if (!(await runTogether(connection, [...again, ...rest]))) return "refused";
    return look.compared < look.limit ? readSchemaSnapshot(connection) : "not compared";
  });
  if (typeof found === "string") return found === "not compared";
  look.compared += 1;
  look.end ??= await undone(connection, async () => {
    await runTogether(connection, rest);
    return readSchemaSnapshot(connection);
  });
  return isSameSchema(look.end, found);
}

async function undone<Result>(connection: Connection, work: () => Promise<Result>): Promise<Result> {
  await connection.execute("SAVEPOINT roomctl_prefix");
  try {
    return await work();
  } finally {
    await connection.execute("ROLLBACK TO SAVEPOINT roomctl_prefix; RELEASE SAVEPOINT roomctl_prefix");
  }
}
