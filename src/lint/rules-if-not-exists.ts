import type { ColumnDef, IndexStmt } from "libpg-query";
import { formatName, isSameName, type QualifiedName } from "../db/identifier.js";
import { type Effect, effectsOf, effectsOfFile } from "./effects.js";
import { withCatalogGuard } from "./guard-sql.js";
import type { TableModel } from "./model.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { alterCommands, columnIn } from "./tree.js";
import { formatTypeName } from "./type-name.js";

/* IF NOT EXISTS where there is something already: I08, I09 and I11 of the notes. */

const concurrentIndexIfNotExists: LintRule = {
  id: "concurrent-index-if-not-exists",
  topic: "idempotence",
  severity: "info",
  title: "CREATE INDEX CONCURRENTLY IF NOT EXISTS accepts an invalid index",
  why: [
    "A build that fails or is killed leaves an index that is not valid: no query uses it, every write maintains it. IF NOT EXISTS looks at the name only, so the next run says it is done, over that index or one of other columns.",
    "roomctl looks at indisvalid after each such statement, drops an invalid index and builds it again; psql and other runners do not.",
  ],
  safer: "Run it with roomctl, or drop an invalid index first and leave IF NOT EXISTS out.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "CREATE INDEX CONCURRENTLY IF NOT EXISTS users_email_idx ON users (email);",
    good: ["CREATE INDEX CONCURRENTLY users_email_idx ON users (email);"],
  },
  looksAt: ["IndexStmt"],
  exemptsNewTables: true,
  check({ node }, context) {
    if (!("IndexStmt" in node)) return [];
    const { concurrent, if_not_exists: isGuarded, idxname = "", relation } = node.IndexStmt;
    if (!concurrent || !isGuarded || relation === undefined) return [];
    const table = context.model.resolve(relation);
    const known = context.model.table(table)?.indexes.find(({ name }) => name.name === idxname);
    if (known?.isValid === false) {
      return [{ message: `Index ${idxname} is there and invalid, and would stay so`, table, severity: "error" }];
    }
    return [{ message: `IF NOT EXISTS would accept an invalid index ${idxname} of a build that failed`, table }];
  },
};

const shapeBlind: LintRule = {
  id: "shape-blind-if-not-exists",
  topic: "idempotence",
  severity: "info",
  title: "IF NOT EXISTS over something that is there already",
  why: [
    "IF NOT EXISTS compares names, nothing else. What is there stays as it is, without the columns, types or keys that the statement describes, and the statement says it is done.",
  ],
  safer:
    "Bring what is there to the wanted shape with ALTER, or give the new thing another name. roomctl migrate drift compares the shapes.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, name text);",
    bad: "CREATE TABLE IF NOT EXISTS users (id bigint PRIMARY KEY, email text);",
    good: ["ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;"],
  },
  looksAt: ["CreateStmt", "CreateTableAsStmt", "IndexStmt", "AlterTableStmt"],
  exemptsNewTables: false,
  check(statement, context) {
    if (statement.runs === "called") return [];
    return effectsOf(statement, context).flatMap((effect) => {
      if (effect.action !== "create" || !effect.hasGuard || isOfThisFile(effect, context)) return [];
      const difference = differenceOf(effect, statement, context);
      if (difference === undefined) return [];
      const { kind, label, table } = effect;
      const message =
        difference === ""
          ? `${kind} ${label} is there already: nothing happens`
          : `${kind} ${label} is there already, and ${difference}`;
      return [{ message, ...(table ? { table } : {}), ...(difference === "" ? {} : { severity: "error" as const }) }];
    });
  },
};

/** Made by an earlier statement of the file: that is what `duplicate-name` says. */
function isOfThisFile({ key }: Effect, context: LintContext): boolean {
  return (effectsOfFile(context).byKey.get(key ?? "") ?? []).some(({ index }) => index < context.index);
}

/** How what is there differs, `""` if it does not, undefined if nothing is there. */
function differenceOf(
  { kind, table, name }: Effect,
  statement: LintStatement,
  context: LintContext,
): string | undefined {
  const model = table && context.model.table(table);
  if (kind === "column") {
    const there = model?.columns.find((column) => column.name === name);
    const wanted = alterCommands(statement).find(({ def }) => columnIn(def)?.colname === name);
    return there && typeDifference(columnIn(wanted?.def), there.type);
  }
  if (kind === "table") return model && tableDifference(statement, model);
  if (kind === "index" && "IndexStmt" in statement.node)
    return indexDifference(statement.node.IndexStmt, table, context);
  return undefined;
}

function typeDifference(column: ColumnDef | undefined, there: string): string {
  const wanted = formatTypeName(column?.typeName);
  return wanted === there ? "" : `is ${there}, not ${wanted}`;
}

function tableDifference({ node }: LintStatement, model: TableModel): string {
  const elements = "CreateStmt" in node ? (node.CreateStmt.tableElts ?? []) : [];
  const differences = elements.flatMap((element) => {
    const column = columnIn(element);
    if (column?.colname === undefined) return [];
    const there = model.columns.find(({ name }) => name === column.colname);
    if (there === undefined) return [`has no column ${column.colname}`];
    const difference = typeDifference(column, there.type);
    return difference === "" ? [] : [`its ${column.colname} ${difference}`];
  });
  return differences.join(", ");
}

function indexDifference(
  { idxname, indexParams = [], unique = false }: IndexStmt,
  table: QualifiedName | undefined,
  context: LintContext,
): string | undefined {
  if (table === undefined || idxname === undefined) return undefined;
  const owner = context.model.tableOfIndex({ schema: table.schema, name: idxname });
  const there = owner?.indexes.find(({ name }) => name.name === idxname);
  if (owner === undefined || there === undefined) return undefined;
  if (!isSameName(owner.name, table)) return `is of ${formatName(owner.name)}`;
  const columns = indexParams.map((element) => ("IndexElem" in element ? element.IndexElem.name : undefined));
  const isSame = JSON.stringify(columns) === JSON.stringify(there.columns);
  if (!isSame) return `has other columns: ${there.columns.map((column) => column ?? "an expression").join(", ")}`;
  return there.isUnique === unique ? "" : `is ${there.isUnique ? "" : "not "}unique`;
}

const noopStillLocks: LintRule = {
  id: "noop-still-locks",
  topic: "locks",
  severity: "info",
  title: "IF NOT EXISTS that finds nothing to do still takes its lock",
  why: [
    "ADD COLUMN IF NOT EXISTS takes an AccessExclusiveLock before it looks, CREATE INDEX IF NOT EXISTS a ShareLock. Waiting for it behind a long transaction, it makes everybody else wait behind itself, for nothing.",
  ],
  safer: "A DO block that looks into the catalog first takes no lock on the table.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "ALTER TABLE users ADD COLUMN IF NOT EXISTS email text;",
    good: [
      "DO $$\nBEGIN\n  IF NOT EXISTS (SELECT FROM pg_attribute WHERE attrelid = 'users'::regclass AND attname = 'email') THEN\n    ALTER TABLE users ADD COLUMN email text;\n  END IF;\nEND $$;",
    ],
  },
  looksAt: ["IndexStmt", "AlterTableStmt"],
  exemptsNewTables: true,
  growsWithSize: true,
  check(statement, context) {
    if (statement.runs === "called" || statement.isGuarded) return [];
    const all = effectsOf(statement, context);
    return all.flatMap((effect): readonly LintHit[] => {
      const { kind, table, hasGuard, action, label } = effect;
      const isConcurrent = "IndexStmt" in statement.node && statement.node.IndexStmt.concurrent;
      if (action !== "create" || !hasGuard || !(kind === "column" || kind === "index") || isConcurrent || !table)
        return [];
      if (differenceOf(effect, statement, context) === undefined) return [];
      const lock = kind === "column" ? "an AccessExclusiveLock" : "a ShareLock";
      const saferSql = all.length === 1 ? withCatalogGuard(statement, effect) : undefined;
      const message = `${kind} ${label} is there: nothing happens, but under ${lock} on ${formatName(table)}`;
      return [{ message, table, ...(saferSql === undefined ? {} : { saferSql }) }];
    });
  },
};

export const existingRules: readonly LintRule[] = [concurrentIndexIfNotExists, shapeBlind, noopStillLocks];
