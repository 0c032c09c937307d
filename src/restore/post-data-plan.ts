import type { Node } from "../db/parse.js";
import type { ScriptStatement } from "./script.js";

/** Some statements that belong together and are done in one transaction: an index and its comment. */
export interface PostDataItem {
  /** Position in the script, from 1: names the step, whatever else changes. */
  readonly number: number;
  readonly statements: readonly ScriptStatement[];
  /** Tables that it locks, as the script spells them: `shared` locks of several items go together. */
  readonly locks: ReadonlyMap<string, "shared" | "exclusive">;
}

export interface PostDataPlan {
  /** One after the other; the items of one batch in any order, and at the same time where their locks allow it. */
  readonly batches: readonly (readonly PostDataItem[])[];
  /** Event triggers: they would fire for whatever comes after them, so they come last of all. */
  readonly last: readonly ScriptStatement[];
}

/**
 * Decides what of a post-data script can run at the same time. Its order is kept: only neighbours that build indexes
 * (also those of primary keys), or that check foreign keys, share a batch.
 */
export function planPostData(statements: readonly ScriptStatement[]): PostDataPlan {
  const batches: { kind: Kind; items: PostDataItem[] }[] = [];
  const last: ScriptStatement[] = [];
  for (const [index, statement] of statements.entries()) {
    const { kind, locks } = classify(statement.node);
    const batch = batches.at(-1);
    const item = batch?.items.at(-1);
    if (kind === "refresh") continue;
    if (kind === "event trigger") last.push(statement);
    else if (kind === "follower" && batch && item && batch.kind !== "other") {
      batch.items[batch.items.length - 1] = { ...item, statements: [...item.statements, statement] };
    } else {
      const next = { number: index + 1, statements: [statement], locks };
      if (batch && batch.kind === kind && (kind === "build" || kind === "foreign key")) batch.items.push(next);
      else batches.push({ kind: kind === "follower" ? "other" : kind, items: [next] });
    }
  }
  return { batches: batches.map(({ items }) => items), last };
}

/** `follower`: says more of the index or constraint before it. `refresh`: the manifest knows which views are filled, and when. */
type Kind = "build" | "foreign key" | "follower" | "event trigger" | "refresh" | "other";

interface Classified {
  readonly kind: Kind;
  readonly locks: ReadonlyMap<string, "shared" | "exclusive">;
}

function classify(node: Node | undefined): Classified {
  const nothing = new Map<string, "shared" | "exclusive">();
  if (node === undefined) return { kind: "other", locks: nothing };
  if ("RefreshMatViewStmt" in node) return { kind: "refresh", locks: nothing };
  if ("IndexStmt" in node) return { kind: "build", locks: new Map([[nameOf(node.IndexStmt.relation), "shared"]]) };
  if ("AlterTableStmt" in node) return classifyAlter(node.AlterTableStmt);
  if (isOfEventTrigger(node)) return { kind: "event trigger", locks: nothing };
  if ("CommentStmt" in node && ["OBJECT_INDEX", "OBJECT_TABCONSTRAINT"].includes(node.CommentStmt.objtype ?? "")) {
    return { kind: "follower", locks: nothing };
  }
  return { kind: "other", locks: nothing };
}

type AlterTable = Extract<Node, { AlterTableStmt: unknown }>["AlterTableStmt"];

function classifyAlter({ relation, cmds, objtype }: AlterTable): Classified {
  const table = nameOf(relation);
  const [command, ...others] = (cmds ?? []).flatMap((cmd) => ("AlterTableCmd" in cmd ? [cmd.AlterTableCmd] : []));
  const other: Classified = { kind: "other", locks: new Map([[table, "exclusive"]]) };
  if (command === undefined || others.length > 0) return other;
  if (objtype === "OBJECT_INDEX")
    return { ...other, kind: command.subtype === "AT_SetStatistics" ? "follower" : "other" };
  if (command.subtype === "AT_ClusterOn" || command.subtype === "AT_ReplicaIdentity")
    return { ...other, kind: "follower" };
  if (command.subtype !== "AT_AddConstraint" || !command.def || !("Constraint" in command.def)) return other;
  const { contype, pktable } = command.def.Constraint;
  if (contype === "CONSTR_FOREIGN") {
    return { kind: "foreign key", locks: new Map([...other.locks, [nameOf(pktable), "exclusive"]]) };
  }
  const builds = ["CONSTR_PRIMARY", "CONSTR_UNIQUE", "CONSTR_EXCLUSION"].includes(contype ?? "");
  return builds ? { ...other, kind: "build" } : other;
}

function isOfEventTrigger(node: Node): boolean {
  if ("CreateEventTrigStmt" in node || "AlterEventTrigStmt" in node) return true;
  if ("CommentStmt" in node) return node.CommentStmt.objtype === "OBJECT_EVENT_TRIGGER";
  return "AlterOwnerStmt" in node && node.AlterOwnerStmt.objectType === "OBJECT_EVENT_TRIGGER";
}

function nameOf(relation: { readonly schemaname?: string; readonly relname?: string } | undefined): string {
  return JSON.stringify([relation?.schemaname, relation?.relname]);
}
