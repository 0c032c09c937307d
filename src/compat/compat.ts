import { quoteIdentifier } from "../db/identifier.js";
import type { ScratchDatabase, ScratchServer } from "../db/scratch.js";
import { sqlstate } from "../db/sqlstate.js";
import { buildSchema, type ParsedMigration } from "../migrate/build.js";
import { requireExtensions } from "../migrate/extensions.js";
import { type CompatSeverity, compareOutcomes, type Difference } from "./compare.js";
import type { CompatQuery, QuerySet, SkippedQuery } from "./queries.js";
import { type FailingQuery, type QueryOutcome, type Recording, recordQueries } from "./record.js";
import { compareWrites } from "./writes.js";

/**
 * Words of `compat`. The *old state* is the schema that the previous release knows, the *new state* the one that the
 * migrations after it lead to; its queries *work* under a state when PostgreSQL prepares and plans them there.
 */
export interface CompatInput {
  /** Lead to the old state. */
  readonly before: readonly ParsedMigration[];
  /** Lead from there to the new one. */
  readonly after: readonly ParsedMigration[];
  readonly set: QuerySet;
  /** The search_path that migrations run with, as SET takes it. */
  readonly migrationPath: string;
  /** That of the queries' sessions. */
  readonly queryPath: string;
  /** Whose rights the queries have, where migrations give rights. */
  readonly role?: string;
}

export interface CompatOptions {
  readonly signal?: AbortSignal;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

export interface CompatFinding extends Difference {
  readonly query: string;
  readonly source: string;
  readonly line: number | null;
  readonly calls: number | null;
  readonly sql: string;
  /** Since which it is so; null when it was so before the first. */
  readonly migration: string | null;
}

export interface CompatReport {
  /** The last migration of the old state, and of the new one; null for an empty schema. */
  readonly from: string | null;
  readonly to: string | null;
  /** Those between the two. */
  readonly migrations: readonly string[];
  readonly checkedCount: number;
  readonly findings: readonly CompatFinding[];
  readonly counts: Readonly<Record<CompatSeverity, number>>;
  readonly skipped: readonly SkippedQuery[];
}

/**
 * Tries the old release's queries on the old state, then after each migration up to the new one, and says what changed
 * for them and since when. Needs a scratch server of PostgreSQL 16 or newer. Throws E_MIGRATION_FAILED, or E_DISK_FULL when
 * the scratch server has no room.
 */
export async function checkCompatibility(
  server: ScratchServer,
  input: CompatInput,
  options: CompatOptions = {},
): Promise<CompatReport> {
  const { before, after, set } = input;
  const recordings = await recordStates(server, input, options).catch((error: unknown) => {
    throw server.explain(error);
  });
  const [old] = recordings;
  const unchecked = set.queries.map((query, index) => losesItsConstants(query, old?.outcomes[index]));
  const findings = set.queries.flatMap((query, index) =>
    unchecked[index] === undefined ? findingsOf(query, index, { recordings, after }) : [],
  );
  const passedOver = unchecked.filter((query) => query !== undefined);
  return {
    from: before.at(-1)?.file.name ?? null,
    to: [...before, ...after].at(-1)?.file.name ?? null,
    migrations: after.map(({ file }) => file.name),
    checkedCount: set.queries.length - passedOver.length,
    findings,
    counts: countBySeverity(findings),
    skipped: [...set.skipped, ...passedOver],
  };
}

async function recordStates(
  server: ScratchServer,
  { before, after, set, migrationPath, queryPath, role }: CompatInput,
  { signal, onProgress }: CompatOptions,
): Promise<readonly Recording[]> {
  await requireExtensions(server, [...before, ...after]);
  await using scratch = await server.createDatabase();
  await setSearchPath(scratch, migrationPath);
  await using database = await scratch.open();
  await buildSchema(database, before, { onProgress });
  const total = after.length + 1;
  const record = async (done: number) => {
    onProgress?.({ message: `trying ${set.queries.length} queries`, done, total });
    return await recordQueries(scratch, set.queries, { searchPath: queryPath, role, signal });
  };
  const recordings = [await record(0)];
  for (const migration of after) {
    await buildSchema(database, [migration]);
    recordings.push(await record(recordings.length));
  }
  return recordings;
}

/** For every later session: a migration's RESET ALL comes back to it. */
async function setSearchPath(scratch: ScratchDatabase, searchPath: string): Promise<void> {
  await using database = await scratch.open({ maxConnections: 1 });
  await using connection = await database.connect();
  await connection.query("SELECT set_config('search_path', $1, false)", [searchPath]);
  await connection.execute(`ALTER DATABASE ${quoteIdentifier(scratch.name)} SET search_path FROM CURRENT`);
}

interface States {
  /** The old state, then the one after each migration. */
  readonly recordings: readonly Recording[];
  readonly after: readonly ParsedMigration[];
}

function findingsOf(query: CompatQuery, index: number, { recordings, after }: States): readonly CompatFinding[] {
  const { name, source, line, calls, sql } = query;
  const origin = { query: name, source, line, calls, sql };
  const [old, ...later] = recordings;
  const before = old?.outcomes[index];
  if (old === undefined || before === undefined) return [];
  if (!before.works) return [{ ...didNotWork(before), ...origin, migration: null }];
  const steps = later.map(({ outcomes, tables }): readonly Difference[] => {
    const outcome = outcomes[index];
    if (outcome === undefined) return [];
    const writes = outcome.works ? compareWrites({ outcome: before, tables: old.tables }, { outcome, tables }) : [];
    return [...compareOutcomes(before, outcome), ...writes];
  });
  const last = steps.at(-1) ?? [];
  const lasting = last.map((difference) => {
    const since = 1 + steps.findLastIndex((step) => !step.some((one) => keyOf(one) === keyOf(difference)));
    return { ...difference, ...origin, migration: after[since]?.file.name ?? null };
  });
  return [...lasting, ...passing(steps, after).map((difference) => ({ ...difference, ...origin }))];
}

/** Once broken, the words of the error may change with each migration; what matters is since when. */
function keyOf({ kind, message }: Difference): string {
  return kind === "broken" ? kind : `${kind} ${message}`;
}

/** Broken by one migration and mended by a later one: the old release fails while the new one is being rolled out. */
function passing(
  steps: readonly (readonly Difference[])[],
  after: readonly ParsedMigration[],
): readonly (Difference & { readonly migration: string | null })[] {
  const isBroken = steps.map((step) => step.some(({ kind }) => kind === "broken"));
  const mended = isBroken.lastIndexOf(true) + 1;
  const cause = steps[mended - 1]?.find(({ kind }) => kind === "broken");
  if (cause === undefined || mended >= steps.length) return [];
  const since = isBroken.lastIndexOf(false, mended - 1) + 1;
  return [
    {
      ...cause,
      kind: "broken-in-between",
      severity: "warning",
      message: `${cause.message}, until ${after[mended]?.file.name} mends it`,
      hint: "put both into one migration, which is one transaction",
      migration: after[since]?.file.name ?? null,
    },
  ];
}

function didNotWork({ sqlState, message }: FailingQuery): Difference {
  return {
    kind: "did-not-work-before",
    severity: "warning",
    sqlState,
    message: `it does not work on the old schema either: ${message}`,
    hint: "is this the old release's query, and --from the last migration that it knows?",
  };
}

/** A statement did run once: when its normalised text does not prepare, that is the fault of what was taken out of it. */
function losesItsConstants(query: CompatQuery, outcome: QueryOutcome | undefined): SkippedQuery | undefined {
  const { name, source, line, isNormalised } = query;
  if (!isNormalised || outcome === undefined || outcome.works || !lossStates.has(outcome.sqlState ?? ""))
    return undefined;
  return { name, source, line, reason: `without its constants PostgreSQL cannot prepare it: ${outcome.message}` };
}

const lossStates: ReadonlySet<string> = new Set([
  sqlstate.syntaxError,
  sqlstate.groupingError,
  sqlstate.ambiguousFunction,
  sqlstate.indeterminateDatatype,
]);

function countBySeverity(findings: readonly CompatFinding[]): CompatReport["counts"] {
  const count = (wanted: CompatSeverity) => findings.filter(({ severity }) => severity === wanted).length;
  return { error: count("error"), warning: count("warning"), info: count("info") };
}
