import type { ParsedStatement } from "../db/parse.js";

/** A statement that speaks to another server: a subscription takes rows from it and leaves a slot there. */
export function reachesOtherServers({ node }: ParsedStatement): boolean {
  return node !== undefined && otherServers.some((kind) => kind in node);
}

/** A statement that changes the server as a whole, beyond the database: it would stay after the scratch database is gone. */
export function changesServer({ node }: ParsedStatement): boolean {
  return node !== undefined && serverWide.some((kind) => kind in node);
}

const otherServers = ["CreateSubscriptionStmt", "AlterSubscriptionStmt", "DropSubscriptionStmt"];
const serverWide = [
  "CreatedbStmt",
  "DropdbStmt",
  "AlterSystemStmt",
  "CreateTableSpaceStmt",
  "DropTableSpaceStmt",
  "AlterTableSpaceOptionsStmt",
];
