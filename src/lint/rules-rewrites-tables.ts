import { formatName, type QualifiedName } from "../db/identifier.js";
import type { LintHit, LintRule } from "./rule.js";
import { sqlName } from "./sql.js";
import { alterationsOf, alterTableOf, hasDefElem, tableOf } from "./tree.js";

const before = "CREATE TABLE users (id bigint PRIMARY KEY, email text); CREATE INDEX users_email_idx ON users (email);";
const fact = "nobody reads or writes the table until every row and every index of it is written anew.";
const instead =
  "Copy into a new table in pieces and swap the names, or use pg_repack (an extension, outside of migrations), which takes the strong lock for a moment only; else run it in a window, with a lock timeout.";

const setUnlogged: LintRule = {
  id: "set-unlogged",
  topic: "locks",
  severity: "error",
  title: "SET UNLOGGED of a table that is in use",
  why: [
    `ALTER TABLE holds an AccessExclusiveLock while it rewrites the table: ${fact}`,
    "An unlogged table is emptied after a crash, and is not on replicas.",
  ],
  safer: `Keep the table logged. Where it must be: ${instead}`,
  example: {
    before,
    bad: "ALTER TABLE users SET UNLOGGED;",
    good: ["CREATE UNLOGGED TABLE sessions (id bigint PRIMARY KEY);"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check: alterCheck("AT_SetUnLogged", (table) => `SET UNLOGGED rewrites ${table}`),
};

function alterCheck(subtype: string, message: (table: string) => string): LintRule["check"] {
  return (statement, context) =>
    alterationsOf(statement, context)
      .filter(({ command }) => command.subtype === subtype)
      .map(({ table }) => ({ message: message(formatName(table)), table }));
}

const setLogged: LintRule = {
  ...setUnlogged,
  id: "set-logged",
  title: "SET LOGGED of a table that is in use",
  why: [
    `ALTER TABLE holds an AccessExclusiveLock while it rewrites the table and writes all of it to the WAL, which replicas then have to take: ${fact}`,
  ],
  safer: instead,
  example: { before, bad: "ALTER TABLE users SET LOGGED;", good: ["CREATE TABLE sessions (id bigint PRIMARY KEY);"] },
  check: alterCheck("AT_SetLogged", (table) => `SET LOGGED rewrites ${table}`),
};

const setAccessMethod: LintRule = {
  ...setUnlogged,
  id: "set-access-method",
  title: "SET ACCESS METHOD of a table that is in use",
  why: [`ALTER TABLE holds an AccessExclusiveLock while it rewrites the table: ${fact}`],
  safer: instead,
  example: {
    before,
    bad: "ALTER TABLE users SET ACCESS METHOD columnar;",
    good: ["CREATE TABLE history (id bigint PRIMARY KEY) USING columnar;"],
  },
  check: (statement, context) =>
    alterationsOf(statement, context)
      .filter(({ command }) => command.subtype === "AT_SetAccessMethod")
      .map(({ command, table }): LintHit => {
        // Heap is what nearly every table has already, and then nothing happens.
        const isDefault = command.name === undefined || command.name === "heap";
        const message = `SET ACCESS METHOD ${command.name ?? "DEFAULT"} rewrites ${formatName(table)}`;
        return isDefault
          ? { message: `${message}, unless that is what it has`, table, severity: "info" }
          : { message, table };
      }),
};

const setTablespace: LintRule = {
  ...setUnlogged,
  id: "set-tablespace",
  title: "SET TABLESPACE of a table or index that is in use",
  why: [
    "ALTER TABLE holds an AccessExclusiveLock while every page is copied to the other place, and written to the WAL: nobody reads or writes the table (or, for an index, uses it) until it is done.",
  ],
  safer: "For an index, REINDEX (CONCURRENTLY, TABLESPACE …). For a table, pg_repack moves it without the long lock.",
  example: {
    before,
    bad: "ALTER TABLE users SET TABLESPACE fast;",
    good: ["CREATE TABLE history (id bigint PRIMARY KEY) TABLESPACE fast;"],
  },
  check(statement, context) {
    const alter = alterTableOf(statement);
    const isIndex = alter?.objtype === "OBJECT_INDEX";
    if (statement.runs === "called" || alter?.relation === undefined) return [];
    const name = tableOf(context, alter.relation);
    const table = isIndex ? context.model.tableOfIndex(name)?.name : name;
    const moves = (alter.cmds ?? []).some(
      (command) => "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_SetTableSpace",
    );
    if (!moves) return [];
    return [{ message: `SET TABLESPACE copies all of ${formatName(name)} while nobody can use it`, table }];
  },
};

const cluster: LintRule = {
  ...setUnlogged,
  id: "cluster",
  looksAt: ["ClusterStmt"],
  title: "CLUSTER",
  why: [`CLUSTER holds an AccessExclusiveLock while it writes the table anew in the order of an index: ${fact}`],
  safer: instead,
  example: { before, bad: "CLUSTER users USING users_email_idx;", good: ["ANALYZE users;"] },
  check({ node, runs }, context) {
    if (runs === "called" || !("ClusterStmt" in node)) return [];
    const { relation } = node.ClusterStmt;
    if (relation === undefined) return [{ message: "CLUSTER rewrites every table that was clustered before" }];
    const table = tableOf(context, relation);
    return [{ message: `CLUSTER rewrites ${formatName(table)}`, table, location: relation.location }];
  },
};

const vacuumFull: LintRule = {
  ...setUnlogged,
  id: "vacuum-full",
  looksAt: ["VacuumStmt"],
  title: "VACUUM FULL",
  why: [`VACUUM FULL holds an AccessExclusiveLock while it writes the table anew: ${fact}`],
  safer: `VACUUM without FULL takes a ShareUpdateExclusiveLock and makes the room free for new rows. To give it back to the disk: ${instead}`,
  example: { before, bad: "VACUUM FULL users;", good: ["VACUUM users;"] },
  check({ node, runs, text }, context) {
    if (runs === "called" || !("VacuumStmt" in node) || !node.VacuumStmt.is_vacuumcmd) return [];
    const { options, rels = [] } = node.VacuumStmt;
    if (!hasDefElem(options, "full")) return [];
    if (rels.length === 0) return [{ message: "VACUUM FULL rewrites every table of the database" }];
    const tables = rels.flatMap((one) =>
      "VacuumRelation" in one && one.VacuumRelation.relation ? [tableOf(context, one.VacuumRelation.relation)] : [],
    );
    return tables.map((table) => ({
      message: `VACUUM FULL rewrites ${formatName(table)}`,
      table,
      saferSql: /\banaly[sz]e\b/i.test(text) ? `VACUUM (ANALYZE) ${sqlName(table)};` : `VACUUM ${sqlName(table)};`,
    }));
  },
};

const refresh: LintRule = {
  id: "refresh-matview-not-concurrent",
  topic: "locks",
  severity: "error",
  title: "REFRESH MATERIALIZED VIEW without CONCURRENTLY",
  why: [
    "It holds an AccessExclusiveLock on the materialized view while its query runs: nobody reads it until the transaction ends.",
  ],
  safer:
    "REFRESH MATERIALIZED VIEW CONCURRENTLY lets reads go on. It needs a unique index on plain columns of the view, without a predicate.",
  example: {
    before:
      "CREATE TABLE users (id bigint PRIMARY KEY); CREATE MATERIALIZED VIEW counts AS SELECT 1 AS id, count(*) FROM users; CREATE UNIQUE INDEX counts_key ON counts (id);",
    bad: "REFRESH MATERIALIZED VIEW counts;",
    good: ["REFRESH MATERIALIZED VIEW CONCURRENTLY counts;"],
  },
  looksAt: ["RefreshMatViewStmt"],
  exemptsNewTables: true,
  check({ node, runs }, context) {
    if (runs === "called" || !("RefreshMatViewStmt" in node)) return [];
    const { relation, concurrent, skipData } = node.RefreshMatViewStmt;
    if (relation === undefined || concurrent) return [];
    const view = tableOf(context, relation);
    if (context.model.isNew("materialized view", view)) return [];
    const message = skipData
      ? `REFRESH … WITH NO DATA empties ${formatName(view)}: reading it fails until it is refreshed again`
      : `REFRESH stops reads of ${formatName(view)} while its query runs`;
    return [{ message, ...refreshSql(view, { skipData }), location: relation.location }];
  },
};

function refreshSql(view: QualifiedName, { skipData }: { readonly skipData?: boolean }): Pick<LintHit, "saferSql"> {
  return skipData ? {} : { saferSql: `REFRESH MATERIALIZED VIEW CONCURRENTLY ${sqlName(view)};` };
}

export const tableRewriteRules: readonly LintRule[] = [
  setUnlogged,
  setLogged,
  setAccessMethod,
  setTablespace,
  cluster,
  vacuumFull,
  refresh,
];
