import type { ParsedStatement, Parser } from "../db/parse.js";

/**
 * The word with which a statement begins or ends a transaction, `COMMIT`; undefined for all others, savepoints included.
 */
export function transactionControlOf({ node, text }: ParsedStatement): string | undefined {
  if (node === undefined || !("TransactionStmt" in node)) return undefined;
  const kind = node.TransactionStmt.kind ?? "TRANS_STMT_BEGIN";
  return /SAVEPOINT|_TO|RELEASE/.test(kind) ? undefined : text.split(/\s|;/, 1)[0]?.toUpperCase();
}

/**
 * True for a statement that PostgreSQL refuses inside a transaction (PreventInTransactionBlock in its sources), or a
 * DO block that commits.
 */
export function needsNoTransaction({ node, text }: ParsedStatement, parser: Parser): boolean {
  if (node === undefined) return false;
  if ("IndexStmt" in node) return node.IndexStmt.concurrent === true;
  if ("DropStmt" in node) return node.DropStmt.concurrent === true;
  if ("AlterTableStmt" in node) return (node.AlterTableStmt.cmds ?? []).some(isConcurrentDetach);
  if ("ReindexStmt" in node) return isLongReindex(node.ReindexStmt);
  if ("VacuumStmt" in node) return node.VacuumStmt.is_vacuumcmd === true;
  if ("ClusterStmt" in node) return node.ClusterStmt.relation === undefined;
  if ("DoStmt" in node) return endsTransactions({ node, text }, parser);
  if ("AlterDatabaseStmt" in node) return hasOption(node.AlterDatabaseStmt.options, "tablespace");
  if ("CreateSubscriptionStmt" in node)
    return !hasOption(node.CreateSubscriptionStmt.options, "connect", "create_slot");
  if ("DiscardStmt" in node) return node.DiscardStmt.target === "DISCARD_ALL";
  return alwaysAlone.some((kind) => kind in node);
}

const alwaysAlone = [
  "CreatedbStmt",
  "DropdbStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
  "AlterSystemStmt",
  "DropSubscriptionStmt",
  "AlterSubscriptionStmt",
];

type Tree = Readonly<Record<string, unknown>>;

function isTree(value: unknown): value is Tree {
  return typeof value === "object" && value !== null;
}

function isConcurrentDetach(command: unknown): boolean {
  const detail = isTree(command) ? command["AlterTableCmd"] : undefined;
  const definition = isTree(detail) && detail["subtype"] === "AT_DetachPartition" ? detail["def"] : undefined;
  const partition = isTree(definition) ? definition["PartitionCmd"] : undefined;
  return isTree(partition) && partition["concurrent"] === true;
}

/** REINDEX of a schema or more commits after each table. */
function isLongReindex(reindex: { readonly kind?: string; readonly params?: unknown }): boolean {
  return !/_(?:INDEX|TABLE)$/.test(reindex.kind ?? "") || hasOption(reindex.params, "concurrently");
}

function hasOption(options: unknown, ...names: readonly string[]): boolean {
  if (!Array.isArray(options)) return false;
  return options.some((option: unknown) => {
    const element = isTree(option) ? option["DefElem"] : undefined;
    return isTree(element) && names.some((name) => name === element["defname"]);
  });
}

/** True for a DO block that ends transactions. A word in a string or a comment does not: the block's own tree tells. */
export function endsTransactions(
  statement: Pick<ParsedStatement, "node" | "text">,
  parser: Pick<Parser, "parseBody">,
): boolean {
  if (!/\b(?:commit|rollback)\b/i.test(statement.text)) return false;
  const tree = treeOfBlock(statement, parser);
  return tree !== undefined && /"PLpgSQL_stmt_(?:commit|rollback)"/.test(JSON.stringify(tree));
}

/** The tree of a DO block; undefined for any other statement, and where nothing can be known of the body. */
export function treeOfBlock(
  { node, text }: Pick<ParsedStatement, "node" | "text">,
  parser: Pick<Parser, "parseBody">,
): unknown {
  if (node === undefined || !("DoStmt" in node)) return undefined;
  try {
    return parser.parseBody(text);
  } catch {
    // Another language, or a body that the server will refuse: it runs as any other statement.
    return undefined;
  }
}
