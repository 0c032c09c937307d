import { randomBytes } from "node:crypto";
import { quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import { explainingLocks } from "../db/locked-read.js";
import { loadParser } from "../db/parse.js";
import { type Database, type OpenOptions, openDatabase } from "../db/pool.js";
import type { ScratchServer } from "../db/scratch.js";
import { readSchema, type SchemaFact, type SchemaReading } from "../db/snapshot.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { type BuildOptions, buildSchema, type ParsedMigration, parseMigration } from "../migrate/build.js";
import { requireExtensions } from "../migrate/extensions.js";
import { readMigrationFiles } from "../migrate/files.js";
import { readHistory } from "../migrate/history.js";
import { findDifferences } from "./compare.js";
import { findingOf, groupByOwner } from "./finding.js";
import { chooseApplied } from "./history.js";
import { type Difference, type DriftFinding, eitherSide } from "./model.js";
import { findOutsideWork, withoutDetails, withSubscriptions } from "./outside.js";

export interface DriftOptions {
  readonly directory: string;
  /** Opens the server to build on, of the live database's major version where there is one. It is closed at the end. */
  openScratch(majorVersion: number): Promise<ScratchServer>;
  /** True for a throw-away server, where the migrator's role may be made so that everything is built as it is live. */
  readonly mayCreateRoles: boolean;
  /** Patterns with * and ?, of objects that are nobody's drift. */
  readonly ignore?: readonly string[];
  readonly onProgress?: BuildOptions["onProgress"];
  readonly signal?: AbortSignal;
}

export interface DriftReport {
  readonly directory: string;
  /** How many migrations the live database has, and so were built. */
  readonly appliedCount: number;
  readonly liveMajorVersion: number;
  readonly scratchMajorVersion: number;
  /** The live role that migrates, and owns what no finding says otherwise of. */
  readonly migrator: string;
  readonly findings: readonly DriftFinding[];
  readonly ignoredCount: number;
  /** System catalogs that the role may not read: what they tell of was not compared. */
  readonly unread: readonly string[];
  /** What makes the answer less certain: files that were edited since, a migration under way. */
  readonly notes: readonly string[];
}

/**
 * Compares a database with what its applied migrations build on a scratch server. Writes nothing to the database and needs
 * no superuser there: SELECT on roomctl's tables is enough. Throws E_SCHEMA when no migration is applied or the file of one
 * is missing, E_LOCK_TIMEOUT when a relation is locked against reading, E_MIGRATION_FAILED when the files do not build,
 * E_DISK_FULL when the scratch server has no room for them.
 */
export async function findDrift(database: Database, options: DriftOptions): Promise<DriftReport> {
  const files = readMigrationFiles(options.directory);
  const history = await readingFrom(database, () => readHistory(database));
  const { applied, notes } = chooseApplied(files, history, options.directory);
  const parser = await loadParser();
  const migrations = applied.map((file) => parseMigration(parser, file));
  const outside = findOutsideWork(migrations);
  const { role: migrator, quoted } = await readMigrator(database);
  const live = await readLive(database, migrator);
  await using scratch = await options.openScratch(majorOf(live.serverVersion));
  const built = await readBuilt(scratch, migrations, { ...options, migrator, live }).catch((error: unknown) => {
    throw scratch.explain(error);
  });
  const isSameMajor = scratch.majorVersion === majorOf(live.serverVersion);
  const liveFacts = withoutDetails(comparable(live), outside);
  const filesFacts = withSubscriptions(comparable({ ...built, unread: live.unread }), outside, live.unread);
  const differences = findDifferences(liveFacts, filesFacts, { isSameMajor });
  const sides = { live: groupByOwner(liveFacts), files: groupByOwner(filesFacts) };
  const target = { migrator: quoted, database: quoteIdentifier(database.target.database) };
  const isIgnored = ignoring(options.ignore ?? []);
  return {
    directory: options.directory,
    appliedCount: applied.length,
    liveMajorVersion: majorOf(live.serverVersion),
    scratchMajorVersion: scratch.majorVersion,
    migrator,
    findings: differences.filter((one) => !isIgnored(one)).map((one) => findingOf(one, sides, target)),
    ignoredCount: differences.filter(isIgnored).length,
    unread: live.unread,
    notes: [...notes, ...outside.notes],
  };
}

function readingFrom<T>(database: Database, read: () => Promise<T>): Promise<T> {
  return explainingLocks(database, "roomctl migrate drift", read);
}

function readLive(database: Database, migrator: string): Promise<SchemaReading> {
  const options = { isolation: "REPEATABLE READ", readOnly: true } as const;
  return readingFrom(database, () =>
    withTransaction(database, options, (connection) => readSchema(connection, { migrators: [migrator] })),
  );
}

const majorOf = (serverVersion: number) => Math.floor(serverVersion / 10_000);

/** Who owns roomctl's history has migrated. */
async function readMigrator(database: Database): Promise<Migrator> {
  const [row] = await database.query<Migrator>(loadStatement("drift/migrator"));
  return row ?? { role: "", quoted: "" };
}

interface Migrator {
  readonly role: string;
  /** As SQL writes it. */
  readonly quoted: string;
}

interface BuiltOptions extends Pick<DriftOptions, "mayCreateRoles" | "onProgress" | "signal"> {
  readonly migrator: string;
  readonly live: SchemaReading;
}

async function readBuilt(
  scratch: ScratchServer,
  migrations: readonly ParsedMigration[],
  { mayCreateRoles, migrator, live, onProgress, signal }: BuiltOptions,
): Promise<SchemaReading> {
  await requireExtensions(scratch, migrations);
  await using created = await scratch.createDatabase();
  await using administration = await created.open();
  await using database = await openAs(administration, mayCreateRoles ? migrator : administration.target.user, {
    signal,
  });
  await buildSchema(database, migrations, { onProgress });
  return await readSchema(database, { migrators: [database.target.user, migrator], leftOut: live.unread });
}

/**
 * Objects are built by a role of the live migrator's name, so that owners, grants to it and its default privileges come
 * out as they do there.
 */
async function openAs(administration: Database, role: string, options: OpenOptions): Promise<Database> {
  const { target } = administration;
  if (role === target.user) return openDatabase(target, options);
  const password = randomBytes(16).toString("hex");
  const [known] = await administration.query("SELECT FROM pg_roles WHERE rolname = $1", [role]);
  const verb = known === undefined ? "CREATE" : "ALTER";
  await administration.execute(
    `${verb} ROLE ${quoteIdentifier(role)} SUPERUSER LOGIN PASSWORD ${quoteLiteral(password)}`,
  );
  return openDatabase({ ...target, user: role, password }, options);
}

/** What one side could not read must not count as a difference. */
function comparable({ facts, unread }: SchemaReading): readonly SchemaFact[] {
  if (!unread.includes("options of user mappings")) return facts;
  return facts.map((fact) => (fact.key.startsWith("user mapping ") ? { ...fact, definition: "" } : fact));
}

/** A pattern may name the object, the table that it belongs to, or that table without its kind. */
function ignoring(patterns: readonly string[]): (difference: Difference) => boolean {
  const expressions = patterns.map(globExpression);
  return (difference) => {
    const belongs = eitherSide(difference)?.belongs ?? null;
    const names = [difference.key, ...(belongs === null ? [] : [belongs, `table ${belongs}`])];
    return expressions.some((expression) => names.some((name) => expression.test(name)));
  };
}

function globExpression(pattern: string): RegExp {
  const escaped = pattern.replace(/[.+^${}()|[\]\\]/g, "\\$&");
  return new RegExp(`^${escaped.replaceAll("*", ".*").replaceAll("?", ".")}$`, "s");
}
