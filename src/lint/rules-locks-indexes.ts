import type { IndexStmt } from "libpg-query";
import { formatName } from "../db/identifier.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlColumns, sqlName } from "./sql.js";
import { droppedNames, hasDefElem, nameIn, tableOf } from "./tree.js";

const indexNotConcurrent: LintRule = {
  id: "index-not-concurrent",
  topic: "locks",
  severity: "error",
  title: "CREATE INDEX without CONCURRENTLY on a table that is in use",
  why: [
    "CREATE INDEX reads the whole table under a ShareLock: reads go on, but every INSERT, UPDATE and DELETE waits until the index is built and the transaction commits.",
  ],
  safer:
    "CREATE INDEX CONCURRENTLY takes a ShareUpdateExclusiveLock, which lets writes go on. It cannot run in a transaction: give it a file of its own.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text NOT NULL);",
    bad: "CREATE INDEX users_email_idx ON users (email);",
    good: ["CREATE INDEX CONCURRENTLY users_email_idx ON users (email);"],
  },
  looksAt: ["IndexStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    const index = createdIndex(statement);
    if (index?.relation === undefined || index.concurrent || isThere(context, index)) return [];
    const table = tableOf(context, index.relation);
    const isPartitioned = context.model.table(table)?.isPartitioned ?? false;
    // ON ONLY a partitioned table builds nothing.
    if (isPartitioned && !index.relation.inh) return [];
    if (context.model.isNew("materialized view", table)) return [];
    const isView = context.model.has("materialized view", table);
    const what = index.idxname ? `CREATE INDEX ${index.idxname}` : "CREATE INDEX";
    const message = `${what} blocks ${isView ? "REFRESH of" : "writes to"} ${formatName(table)} until it is built`;
    const severity = isView ? { severity: "warning" as const } : {};
    const saferSql = isPartitioned ? indexInSteps(statement.text) : concurrently(statement.text, "index");
    return [{ message, table, location: index.relation.location, saferSql, ...severity }];
  },
};

function createdIndex({ node, runs }: LintStatement): IndexStmt | undefined {
  return runs === "now" && "IndexStmt" in node ? node.IndexStmt : undefined;
}

/** IF NOT EXISTS of an index that exists. */
function isThere(context: LintContext, { if_not_exists: ifNotExists, idxname, relation }: IndexStmt): boolean {
  if (!ifNotExists || idxname === undefined || relation === undefined) return false;
  const { schema } = tableOf(context, relation);
  return context.model.has("index", { schema, name: idxname });
}

/** `CREATE INDEX CONCURRENTLY …` of `CREATE INDEX …`; undefined where comments stand between the words. */
function concurrently(text: string, word: "index" | "drop"): string | undefined {
  const pattern = word === "index" ? /^(create\s+(?:unique\s+)?index)\b/i : /^(drop\s+index)\b/i;
  return pattern.test(text) ? `${text.replace(pattern, "$1 CONCURRENTLY")};` : undefined;
}

/** A partitioned table takes no CONCURRENTLY: each partition gets its index by itself. */
function indexInSteps(text: string): string | undefined {
  const only = text.replace(/\bon\s+/i, "ON ONLY ");
  if (only === text) return undefined;
  return `${only};\n-- then, for each partition: CREATE INDEX CONCURRENTLY …, and ALTER INDEX … ATTACH PARTITION …`;
}

const concurrentOnPartitioned: LintRule = {
  id: "index-concurrent-on-partitioned",
  topic: "locks",
  severity: "error",
  title: "CREATE INDEX CONCURRENTLY on a partitioned table",
  why: ["PostgreSQL refuses it with 0A000: a partitioned table has no rows of its own to index."],
  safer:
    "CREATE INDEX … ON ONLY the partitioned table, CREATE INDEX CONCURRENTLY on each partition, then ALTER INDEX … ATTACH PARTITION for each.",
  example: {
    before: "CREATE TABLE events (id bigint, at timestamptz) PARTITION BY RANGE (at);",
    bad: "CREATE INDEX CONCURRENTLY events_at_idx ON events (at);",
    good: ["CREATE INDEX events_at_idx ON ONLY events (at);"],
  },
  looksAt: ["IndexStmt"],
  exemptsNewTables: false,
  growsWithSize: false,
  check(statement, context) {
    const index = createdIndex(statement);
    if (index?.relation === undefined || !index.concurrent || isThere(context, index)) return [];
    const table = tableOf(context, index.relation);
    if (!context.model.table(table)?.isPartitioned) return [];
    const message = `${formatName(table)} is partitioned: PostgreSQL refuses CREATE INDEX CONCURRENTLY on it`;
    const saferSql = indexInSteps(statement.text.replace(/\s+concurrently\b/i, ""));
    return [{ message, table, location: index.relation.location, saferSql }];
  },
};

const dropIndexNotConcurrent: LintRule = {
  id: "drop-index-not-concurrent",
  topic: "locks",
  severity: "warning",
  title: "DROP INDEX without CONCURRENTLY on a table that is in use",
  why: [
    "DROP INDEX takes an AccessExclusiveLock on the index and on its table. The work is short, but it waits for every query that runs on the table, and every later query waits behind it.",
  ],
  safer:
    "DROP INDEX CONCURRENTLY waits without stopping others. It cannot run in a transaction: give it a file of its own, one index per statement.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text); CREATE INDEX users_email_idx ON users (email);",
    bad: "DROP INDEX users_email_idx;",
    good: ["DROP INDEX CONCURRENTLY users_email_idx;"],
  },
  looksAt: ["DropStmt"],
  exemptsNewTables: true,
  check({ node, runs, text }, context) {
    if (runs === "called" || !("DropStmt" in node) || node.DropStmt.removeType !== "OBJECT_INDEX") return [];
    const { objects, concurrent, missing_ok: ifExists, behavior } = node.DropStmt;
    if (concurrent) return [];
    const names = droppedNames(objects);
    return names.flatMap((parts): readonly LintHit[] => {
      const index = nameIn(context, parts);
      const isMissing = context.model.isComplete && !context.model.has("index", index);
      const owner = context.model.tableOfIndex(index);
      if (ifExists && isMissing) return [];
      const on = owner === undefined ? "its table" : formatName(owner.name);
      const message = `DROP INDEX ${formatName(index)} stops reads and writes of ${on} while it waits for its lock`;
      const hasConcurrentForm = behavior !== "DROP_CASCADE" && !owner?.isPartitioned;
      const saferSql = hasConcurrentForm ? dropSql(text, names.length, sqlName(index)) : undefined;
      return [{ message, table: owner?.name, saferSql }];
    });
  },
};

/** CONCURRENTLY takes one index at a time. */
function dropSql(text: string, count: number, name: string): string | undefined {
  if (count === 1) return concurrently(text, "drop");
  return `DROP INDEX CONCURRENTLY ${/\bif\s+exists\b/i.test(text) ? "IF EXISTS " : ""}${name};`;
}

const reindexNotConcurrent: LintRule = {
  id: "reindex-not-concurrent",
  topic: "locks",
  severity: "error",
  title: "REINDEX without CONCURRENTLY",
  why: [
    "REINDEX reads the whole table under a ShareLock on it, and holds an AccessExclusiveLock on the index meanwhile: writes wait, and so does every query that would use the index.",
  ],
  safer:
    "REINDEX (CONCURRENTLY) builds a second index beside the first and swaps them. It cannot run in a transaction.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text); CREATE INDEX users_email_idx ON users (email);",
    bad: "REINDEX INDEX users_email_idx;",
    good: ["REINDEX INDEX CONCURRENTLY users_email_idx;"],
  },
  looksAt: ["ReindexStmt"],
  exemptsNewTables: true,
  check({ node, runs }, context) {
    if (runs === "called" || !("ReindexStmt" in node)) return [];
    const { kind, relation, name, params } = node.ReindexStmt;
    if (hasDefElem(params, "concurrently")) return [];
    const word = kind?.replace("REINDEX_OBJECT_", "") ?? "TABLE";
    const resolved = relation && tableOf(context, relation);
    const table = resolved && (word === "INDEX" ? context.model.tableOfIndex(resolved)?.name : resolved);
    const target = resolved ? formatName(resolved) : (name ?? "");
    const on = table ? formatName(table) : resolved ? "its table" : "every table in it";
    const what = [word, target].filter((part) => part !== "").join(" ");
    const message = `REINDEX ${what} blocks writes to ${on} until it is built anew`;
    const sqlTarget = resolved ? sqlName(resolved) : sqlColumns(name ? [name] : []);
    // System catalogs cannot be built concurrently.
    const saferSql = word === "SYSTEM" ? undefined : `REINDEX ${word} CONCURRENTLY ${sqlTarget}`.trim().concat(";");
    return [{ message, table, location: relation?.location, saferSql }];
  },
};

export const indexLockRules: readonly LintRule[] = [
  indexNotConcurrent,
  concurrentOnPartitioned,
  dropIndexNotConcurrent,
  reindexNotConcurrent,
];
