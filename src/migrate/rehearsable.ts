import { RoomctlError } from "../core/errors.js";
import type { ParsedStatement, Parser } from "../db/parse.js";
import type { Script } from "./script.js";
import { needsNoTransaction } from "./transaction-mode.js";

/**
 * What to run in place of a statement in a transaction that is rolled back: itself, a form of it that can, or nothing
 * where it takes no data away. Throws E_USAGE for one that might, and cannot be tried.
 */
export function rehearsalOf({ path }: Script, statement: ParsedStatement, parser: Parser): string | undefined {
  const { node, text, line } = statement;
  if (node === undefined || !needsNoTransaction(statement, parser)) return text;
  if ("AlterTableStmt" in node) return text.replace(/\s+concurrently\s*$/i, "");
  if (harmless.some((kind) => kind in node)) return undefined;
  throw new RoomctlError(
    "E_USAGE",
    `${path}:${line} can neither run in a transaction nor be rehearsed, so what it would take away is not known`,
    { hint: "run that file by hand with psql, then record it: roomctl migrate down --fake" },
  );
}

/** Only indexes can be dropped concurrently; the others keep every row. */
const harmless = [
  "DropStmt",
  "IndexStmt",
  "ReindexStmt",
  "VacuumStmt",
  "ClusterStmt",
  "AlterSystemStmt",
  "DiscardStmt",
];
