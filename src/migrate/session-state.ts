import type { ParsedStatement } from "../db/parse.js";
import type { Script } from "./script.js";

/**
 * False when a script only defines things: then it leaves no setting, role, temporary table, cursor or LISTEN in its
 * session. Whatever calls a function may.
 */
export function mayLeaveState({ statements }: Script): boolean {
  return !statements.every(onlyDefines);
}

const definitions = [
  "AlterEnumStmt",
  "AlterSeqStmt",
  "AlterTableStmt",
  "CommentStmt",
  "CreateDomainStmt",
  "CreateEnumStmt",
  "CreateFunctionStmt",
  "CreatePolicyStmt",
  "CreateSchemaStmt",
  "CreateTrigStmt",
  "DropStmt",
  "GrantStmt",
  "IndexStmt",
  "RenameStmt",
];

function onlyDefines({ node }: ParsedStatement): boolean {
  if (node === undefined) return false;
  if ("CreateStmt" in node) {
    const { relation } = node.CreateStmt;
    return relation?.relpersistence !== "t" && relation?.schemaname !== "pg_temp";
  }
  return definitions.some((kind) => kind in node);
}
