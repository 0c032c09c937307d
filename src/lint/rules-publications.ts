import type { RangeVar } from "libpg-query";
import { formatName, type QualifiedName } from "../db/identifier.js";
import { effectsOf } from "./effects.js";
import type { TableModel } from "./model.js";
import { addsIdentityLater, definesPrimaryKey } from "./primary-key.js";
import type { LintContext, LintHit, LintRule, LintStatement } from "./rule.js";
import { sqlName } from "./sql.js";
import { alterCommands, alterTableOf, defElem, nodesOf } from "./tree.js";

/* What change streams and notifications count on: R01 to R03 of the notes. */

const publishedWithoutIdentity: LintRule = {
  id: "published-table-without-identity",
  topic: "realtime",
  severity: "error",
  title: "A published table without a replica identity",
  why: [
    "As soon as a table without a primary key is in a publication, every UPDATE and DELETE of it fails with 55000: “cannot update table because it does not have a replica identity and publishes updates”. It is the app's writes that fail, not the migration.",
  ],
  safer:
    "Give the table a primary key, or REPLICA IDENTITY USING INDEX of a unique index, or as the last resort FULL, before it is published.",
  example: {
    before: "CREATE TABLE clicks (at timestamptz NOT NULL);",
    bad: "CREATE PUBLICATION stream FOR TABLE clicks;",
    good: ["ALTER TABLE clicks REPLICA IDENTITY FULL;\nCREATE PUBLICATION stream FOR TABLE clicks;"],
  },
  looksAt: ["CreatePublicationStmt", "AlterPublicationStmt", "CreateStmt"],
  exemptsNewTables: false,
  check(statement, context) {
    if (statement.runs === "called") return [];
    return [...newlyPublished(statement, context), ...newTable(statement, context)].map((table) => ({
      message: `UPDATE and DELETE of ${formatName(table)} fail, since it is published and has no replica identity`,
      table,
      saferSql: `ALTER TABLE ${sqlName(table)} REPLICA IDENTITY FULL;`,
    }));
  },
};

/** Tables that CREATE or ALTER PUBLICATION puts in and that lack an identity. */
function newlyPublished({ node }: LintStatement, context: LintContext): readonly QualifiedName[] {
  const statement =
    "CreatePublicationStmt" in node
      ? node.CreatePublicationStmt
      : "AlterPublicationStmt" in node && node.AlterPublicationStmt.action !== "AP_DropObjects"
        ? node.AlterPublicationStmt
        : undefined;
  if (statement === undefined || !publishesChanges(defElem(statement.options, "publish")?.arg)) return [];
  const listed = nodesOf(statement.pubobjects, "PublicationObjSpec").flatMap(
    ({ pubtable }) => pubtable?.relation ?? [],
  );
  const named = listed.flatMap((relation) => context.model.table(context.model.resolve(relation)) ?? []);
  const schemas = nodesOf(statement.pubobjects, "PublicationObjSpec").map(({ pubobjtype, name }) =>
    pubobjtype === "PUBLICATIONOBJ_TABLES_IN_SCHEMA" ? name : undefined,
  );
  const isWide = statement.for_all_tables || schemas.some((schema) => schema !== undefined);
  const everything = isWide ? context.model.tables() : [];
  const all = everything.filter(({ name }) => statement.for_all_tables || schemas.includes(name.schema));
  return [...named, ...all].filter(lacksIdentity).map(({ name }) => name);
}

/** `publish = 'insert, truncate'` asks for no identity. */
function publishesChanges(option: unknown): boolean {
  return option === undefined || /update|delete/.test(JSON.stringify(option));
}

/** A new table that a publication FOR ALL TABLES, or of its schema, takes in by itself. */
function newTable({ node }: LintStatement, context: LintContext): readonly QualifiedName[] {
  if (!("CreateStmt" in node)) return [];
  const { relation } = node.CreateStmt;
  if (relation === undefined || relation.relpersistence !== "p" || definesPrimaryKey(node.CreateStmt)) return [];
  const table = context.model.resolve(relation);
  if (!context.model.isPublished(table) || addsIdentityLater(table, context)) return [];
  return context.model.table(table) === undefined ? [table] : [];
}

function lacksIdentity({ primaryKey, replicaIdentity }: TableModel): boolean {
  return replicaIdentity === "nothing" || (replicaIdentity === "default" && primaryKey === undefined);
}

const publishedTableChanged: LintRule = {
  id: "published-table-changed",
  topic: "realtime",
  severity: "warning",
  title: "A published table loses or renames what its subscribers get",
  why: [
    "Logical replication sends no DDL. A subscriber with a column or table that the publisher no longer has keeps stale values or stops with an error, and one that does not know the new name stops at once; the slot then holds WAL until it catches up. Without the primary key UPDATE and DELETE fail with 55000.",
  ],
  safer:
    "What is added: the subscriber first. What goes: the publisher first, when the subscriber no longer needs it. Then ALTER SUBSCRIPTION … REFRESH PUBLICATION.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, nick text);\nCREATE PUBLICATION stream FOR TABLE users;",
    bad: "ALTER TABLE users DROP CONSTRAINT IF EXISTS users_pkey;",
    good: ["ALTER TABLE users ADD COLUMN IF NOT EXISTS locale text;"],
  },
  looksAt: ["DropStmt", "RenameStmt", "AlterObjectSchemaStmt", "AlterTableStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    if (statement.runs === "called") return [];
    return effectsOf(statement, context).flatMap(({ action, kind, table, name, label }): readonly LintHit[] => {
      if (action === "create" || table === undefined || !context.model.isPublished(table)) return [];
      const model = context.model.table(table);
      const isKey =
        kind === "constraint" &&
        action === "drop" &&
        model?.constraints.some((one) => one.name === name && one.kind === "primary key");
      const verb = action === "drop" ? "loses" : "renames";
      if (isKey) {
        const message = `${formatName(table)} is published, and without its primary key UPDATE and DELETE of it fail`;
        return [{ message, table, severity: "error" }];
      }
      if (kind !== "column" && kind !== "table") return [];
      return [{ message: `The publication of ${formatName(table)} ${verb} ${kind} ${label}`, table }];
    });
  },
};

const replicaIdentity: LintRule = {
  id: "replica-identity",
  topic: "realtime",
  severity: "warning",
  title: "REPLICA IDENTITY FULL or NOTHING",
  why: [
    "FULL writes the whole old row into the WAL with every UPDATE and DELETE, TOAST included, and subscribers look for the row by comparing all columns: a full scan for each change where no index helps. NOTHING makes UPDATE and DELETE of a published table fail with 55000.",
  ],
  safer: "A primary key, or REPLICA IDENTITY USING INDEX of a unique index over NOT NULL columns.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "ALTER TABLE users REPLICA IDENTITY FULL;",
    good: ["ALTER TABLE users REPLICA IDENTITY DEFAULT;"],
  },
  looksAt: ["AlterTableStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    const relation = alterTableOf(statement)?.relation;
    if (relation === undefined || statement.runs === "called") return [];
    return alterCommands(statement).flatMap(({ def }): readonly LintHit[] => {
      const type =
        def !== undefined && "ReplicaIdentityStmt" in def ? def.ReplicaIdentityStmt.identity_type : undefined;
      return type === "f" || type === "n" ? [identityHit(relation, type, context)] : [];
    });
  },
};

function identityHit(relation: RangeVar, type: "f" | "n", context: LintContext): LintHit {
  const table = context.model.resolve(relation);
  const name = formatName(table);
  if (type === "f") {
    const hasKey = context.model.table(table)?.primaryKey !== undefined;
    const message = `Every UPDATE and DELETE of ${name} writes its whole old row to the WAL`;
    return { message, table, severity: hasKey ? "warning" : "info" };
  }
  const isPublished = context.model.isPublished(table);
  const message = `UPDATE and DELETE of ${name} fail ${isPublished ? "from now on" : "as soon as it is published"}`;
  return { message, table, severity: isPublished ? "error" : "warning" };
}

export const publicationRules: readonly LintRule[] = [publishedWithoutIdentity, publishedTableChanged, replicaIdentity];
