import { type QualifiedName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { ParsedStatement } from "../db/parse.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";

/**
 * Indexes that are built without blocking writers. Such a build that fails or is killed leaves an *invalid* index: it
 * takes its share of every write, serves no query, and `IF NOT EXISTS` takes it for the real one.
 */
interface IndexFacts extends QualifiedName {
  readonly oid: number;
  readonly isValid: boolean;
  /** Another session builds it now: invalid until that is done. */
  readonly isBuilding: boolean;
}

/** CREATE INDEX CONCURRENTLY, with the names that it gives. */
interface IndexBuild {
  /** As SQL, looked up in the session's search_path. */
  readonly table: string;
  /** Undefined when PostgreSQL makes the name up. */
  readonly index: string | undefined;
}

/** What the statement builds, if it is a concurrent build. */
export function concurrentBuildOf({ node }: ParsedStatement): IndexBuild | undefined {
  if (node === undefined || !("IndexStmt" in node) || !node.IndexStmt.concurrent) return undefined;
  const { relation, idxname } = node.IndexStmt;
  const parts = [relation?.schemaname, relation?.relname].filter((part) => part !== undefined);
  return { table: parts.map(quoteIdentifier).join("."), index: idxname || undefined };
}

/**
 * Drops the index that a concurrent build is to make where it stands there invalid, left by a build that did not come to
 * its end. True when there was one. For any other statement nothing happens.
 */
export async function repairInvalidIndex(connection: Connection, statement: ParsedStatement): Promise<boolean> {
  const build = concurrentBuildOf(statement);
  if (build?.index === undefined) return false;
  const found = (await readIndexes(connection, build.table)).find(({ name }) => name === build.index);
  if (found === undefined || found.isValid || found.isBuilding) return false;
  await dropIndex(connection, found);
  return true;
}

/** The indexes of the table that a concurrent build works on, by oid: what is not among them later was made by it. */
export async function readIndexOids(connection: Connection, build: IndexBuild): Promise<readonly number[]> {
  return (await readIndexes(connection, build.table)).map(({ oid }) => oid);
}

/**
 * Ends what a concurrent build left that did not come to its end: drops its index where that is invalid and was not there
 * `before`. True when it left a valid one: then it is done, and only nobody noted it. Other indexes of the table may be
 * somebody else's, even under construction; only a build without a name cannot tell them from its own.
 */
export async function settleBuild(
  connection: Connection,
  build: IndexBuild,
  before: readonly number[],
): Promise<boolean> {
  const indexes = await readIndexes(connection, build.table);
  const made = indexes.filter(({ oid, name }) => !before.includes(oid) && name === (build.index ?? name));
  for (const index of made) if (!index.isValid && !index.isBuilding) await dropIndex(connection, index);
  return made.some(({ isValid }) => isValid);
}

/** The index of that build that is still invalid after it, if there is one: IF NOT EXISTS built nothing. */
export async function findInvalid(connection: Connection, build: IndexBuild): Promise<QualifiedName | undefined> {
  const indexes = await readIndexes(connection, build.table);
  return indexes.find(({ name, isValid }) => name === build.index && !isValid);
}

/** Every invalid index of the database; REINDEX CONCURRENTLY that fails adds one, `…_ccnew`. */
export async function readInvalidOids(connection: Connection): Promise<readonly number[]> {
  return (await readInvalid(connection)).map(({ oid }) => oid);
}

/** Drops what a REINDEX CONCURRENTLY left that did not come to its end. */
export async function settleReindex(connection: Connection, before: readonly number[]): Promise<void> {
  for (const index of await readInvalid(connection)) {
    const isLeftOver = !before.includes(index.oid) && /_cc(?:new|old)\d*$/.test(index.name);
    if (isLeftOver) await dropIndex(connection, index);
  }
}

function readIndexes(connection: Connection, table: string): Promise<readonly IndexFacts[]> {
  return connection.query<IndexFacts>(`${loadStatement("migrate/indexes")} WHERE indrelid = to_regclass($1)`, [table]);
}

function readInvalid(connection: Connection): Promise<readonly IndexFacts[]> {
  return connection.query<IndexFacts>(`${loadStatement("migrate/indexes")} WHERE NOT indisvalid`);
}

async function dropIndex(connection: Connection, index: QualifiedName): Promise<void> {
  await connection.execute(`DROP INDEX CONCURRENTLY IF EXISTS ${quoteName(index)}`);
}
