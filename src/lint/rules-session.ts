import type { VariableSetStmt } from "libpg-query";
import type { Node } from "../db/parse.js";
import { stringsIn } from "./names.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintRule, LintStatement } from "./rule.js";
import { nodesOf } from "./tree.js";

/* What a file sets in its session: L30 of the notes. */

const sessionSetting: LintRule = {
  id: "session-setting",
  topic: "transactions",
  severity: "warning",
  title: "SET without LOCAL",
  why: [
    "The setting stays for the rest of the session: for the following statements of the file, and with psql -f and most runners for the following files and the runner's own notes as well. An empty search_path as pg_dump writes it makes them fail with 42P01. roomctl resets its session after each file.",
  ],
  safer: "SET LOCAL ends with the transaction. Outside of one, RESET it in the same file.",
  example: {
    bad: "SET search_path = app, public;\nCREATE TABLE IF NOT EXISTS rooms (id bigint PRIMARY KEY);",
    good: ["SET LOCAL search_path = app, public;\nCREATE TABLE IF NOT EXISTS rooms (id bigint PRIMARY KEY);"],
  },
  looksAt: ["VariableSetStmt", "SelectStmt"],
  exemptsNewTables: false,
  check(statement, context) {
    const set = settingOf(statement);
    if (set === undefined || set.isLocal || set.isReset || !isStrong(set.name) || isResetLater(set.name, context))
      return [];
    const local = `SET LOCAL ${statement.text.replace(/^set\s+(?:session\s+(?!authorization))?/i, "").replace(/;$/, "")};`;
    const canBeLocal = context.isTransactional && "VariableSetStmt" in statement.node && !statement.isInBody;
    return [
      {
        message: `${set.name} stays set after this file for whoever uses the session next`,
        ...(canBeLocal ? { saferSql: local } : {}),
      },
    ];
  },
};

const localOutsideTransaction: LintRule = {
  id: "set-local-outside-transaction",
  topic: "transactions",
  severity: "warning",
  title: "SET LOCAL in a file that runs outside of a transaction",
  why: [
    "Each statement of such a file is a transaction of its own, so the setting is gone before the next one: PostgreSQL only warns (25P01), and the statements run without it.",
  ],
  safer: "SET it for the session and RESET it at the end of the file.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "SET LOCAL maintenance_work_mem = '1GB';\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_email_idx ON users (email);",
    good: [
      "SET maintenance_work_mem = '1GB';\nCREATE INDEX CONCURRENTLY IF NOT EXISTS users_email_idx ON users (email);\nRESET maintenance_work_mem;",
    ],
  },
  looksAt: ["VariableSetStmt", "SelectStmt"],
  exemptsNewTables: false,
  check(statement, context) {
    const set = settingOf(statement);
    if (context.isTransactional || statement.isInBody || set === undefined || !set.isLocal) return [];
    const saferSql = statement.text.replace(/^set\s+local\s+/i, "SET ");
    return [{ message: `SET LOCAL ${set.name} is over before the next statement begins`, saferSql }];
  },
};

const triggersDisabled: LintRule = {
  id: "triggers-disabled",
  topic: "data",
  severity: "error",
  title: "Foreign keys and triggers are turned off",
  why: [
    "Under session_replication_role = replica, and after DISABLE TRIGGER ALL, foreign keys are not checked and triggers do not run. Rows that break them stay, and nothing finds them later: the constraint says it is validated.",
  ],
  safer:
    "Order the statements so that the keys hold, or make the constraints DEFERRABLE and SET CONSTRAINTS ALL DEFERRED.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY);",
    bad: "SET LOCAL session_replication_role = replica;\nDELETE FROM users WHERE id = 1;",
    good: ["SET CONSTRAINTS ALL DEFERRED;\nDELETE FROM users WHERE id = 1;"],
  },
  looksAt: ["VariableSetStmt", "SelectStmt", "AlterTableStmt"],
  exemptsNewTables: true,
  check(statement, context) {
    const { node, runs } = statement;
    if (runs === "called") return [];
    const set = settingOf(statement);
    if (set?.name === "session_replication_role" && !set.isReset && set.value !== "origin") {
      return [{ message: "session_replication_role turns off foreign keys and triggers for what follows" }];
    }
    if (!("AlterTableStmt" in node)) return [];
    const disables = (node.AlterTableStmt.cmds ?? []).some(
      (command) => "AlterTableCmd" in command && command.AlterTableCmd.subtype === "AT_DisableTrigAll",
    );
    const { relation } = node.AlterTableStmt;
    if (!disables || relation === undefined) return [];
    const message = `DISABLE TRIGGER ALL turns off the foreign keys of ${relation.relname} too`;
    return [{ message, table: context.model.resolve(relation) }];
  },
};

interface Setting {
  readonly name: string;
  readonly isLocal: boolean;
  readonly isReset: boolean;
  readonly value: string | undefined;
}

/** What SET, RESET or a call of set_config sets. */
function settingOf({ node, runs }: LintStatement): Setting | undefined {
  if (runs === "called") return undefined;
  if ("VariableSetStmt" in node) return fromSet(node.VariableSetStmt);
  if (!("SelectStmt" in node)) return undefined;
  const call = nodesOf(node.SelectStmt.targetList, "FuncCall").find(
    ({ funcname }) => stringsIn(funcname).at(-1) === "set_config",
  );
  const [name, value, isLocal] = call?.args ?? [];
  const constant = stringOf(name);
  if (constant === undefined) return undefined;
  const local = isLocal !== undefined && "A_Const" in isLocal && isLocal.A_Const.boolval?.boolval === true;
  return { name: constant.toLowerCase(), isLocal: local, isReset: false, value: stringOf(value) };
}

function fromSet({ name, kind, is_local, args }: VariableSetStmt): Setting | undefined {
  if (kind === "VAR_RESET_ALL") return { name: "all", isLocal: false, isReset: true, value: undefined };
  if (name === undefined || kind === "VAR_SET_MULTI") return undefined;
  const isReset = kind === "VAR_RESET" || kind === "VAR_SET_DEFAULT";
  return { name: name.toLowerCase(), isLocal: is_local ?? false, isReset, value: stringOf(args?.[0]) };
}

function stringOf(node: Node | undefined): string | undefined {
  return node !== undefined && "A_Const" in node ? node.A_Const.sval?.sval : undefined;
}

/** Timeouts of locks have a rule of their own; messages and what else pg_dump writes at its head change nothing that is done. */
function isStrong(name: string): boolean {
  return !(weakSettings.has(name) || name.startsWith("log_"));
}

const weakSettings = new Set([
  ...["lock_timeout", "statement_timeout", "idle_in_transaction_session_timeout", "transaction_timeout"],
  ...["application_name", "client_min_messages", "client_encoding", "standard_conforming_strings", "xmloption"],
  ...["check_function_bodies", "row_security", "default_tablespace", "default_table_access_method"],
  "session_replication_role",
]);

function isResetLater(name: string, context: LintContext): boolean {
  const resets = lastResets(context);
  return Math.max(resets.get(name) ?? -1, resets.get("all") ?? -1) > context.index;
}

/** The place of the last RESET by the name of the setting. */
const lastResets = perFile(({ statements }) => {
  const resets = statements.flatMap((statement, index) => {
    const set = settingOf(statement);
    return set?.isReset === true ? [[set.name, index] as const] : [];
  });
  return new Map(resets);
});

export const sessionRules: readonly LintRule[] = [sessionSetting, localOutsideTransaction, triggersDisabled];
