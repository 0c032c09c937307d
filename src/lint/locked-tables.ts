import type { AlterTableCmd, CreateStmt, RefreshMatViewStmt } from "libpg-query";
import type { QualifiedName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { TableModel } from "./model.js";
import type { LintContext, LintStatement } from "./rule.js";
import {
  addedColumnsOf,
  alterationsOf,
  columnIn,
  constraintIn,
  constraintsIn,
  droppedNames,
  hasDefElem,
  nameIn,
  tableOf,
} from "./tree.js";

/** PostgreSQL's table locks that conflict with more than themselves, from the weakest to the strongest. */
export type LockMode = "ShareUpdateExclusive" | "Share" | "ShareRowExclusive" | "Exclusive" | "AccessExclusive";

export interface LockedTable {
  readonly table: QualifiedName;
  readonly mode: LockMode;
}

/**
 * The tables that a statement locks, with the mode; those of plain reads and writes left out. As in the manual's
 * "Explicit Locking" and AlterTableGetLockLevel of tablecmds.c, which the truth test holds against pg_locks.
 */
export function lockedTables(statement: LintStatement, context: LintContext): readonly LockedTable[] {
  const { node, runs } = statement;
  if (runs === "called") return [];
  return [...ofAlterTable(statement, context), ...ofCreateTable(node, context), ...ofOneRelation(node, context)];
}

/** True for the modes in which INSERT, UPDATE and DELETE wait. */
export function stopsWrites(mode: LockMode): boolean {
  return mode !== "ShareUpdateExclusive";
}

function ofAlterTable(statement: LintStatement, context: LintContext): readonly LockedTable[] {
  const own = alterationsOf(statement, context).flatMap(({ command, table, model }) => {
    const { def } = command;
    const other = constraintIn(def)?.pktable;
    const dropped = command.subtype === "AT_DropConstraint" ? [command.name] : [];
    const partition = def && "PartitionCmd" in def ? def.PartitionCmd : undefined;
    return [
      { table, mode: modeOf(command) },
      ...referencedBy(model, dropped),
      ...(other ? [{ table: tableOf(context, other), mode: "ShareRowExclusive" as const }] : []),
      ...(partition?.name ? [{ table: tableOf(context, partition.name), mode: modeOfPartition(command) }] : []),
    ];
  });
  const parents = addedColumnsOf(statement, context).flatMap(({ column }) => parentsOf(column.constraints, context));
  return [...own, ...parents];
}

/** A foreign key has triggers on the referenced table too, and these go with it. */
function referencedBy(model: TableModel | undefined, names?: readonly (string | undefined)[]): readonly LockedTable[] {
  const keys = (model?.constraints ?? []).filter(({ name }) => names === undefined || names.includes(name));
  return keys.flatMap(({ references }) =>
    references ? [{ table: references, mode: "AccessExclusive" as const }] : [],
  );
}

function parentsOf(constraints: readonly Node[] | undefined, context: LintContext): readonly LockedTable[] {
  return constraintsIn(constraints).flatMap(({ pktable }) =>
    pktable ? [{ table: tableOf(context, pktable), mode: "ShareRowExclusive" as const }] : [],
  );
}

function modeOf({ subtype, def }: AlterTableCmd): LockMode {
  if (subtype === "AT_DetachPartition" && isConcurrent(def)) return "ShareUpdateExclusive";
  if (subtype === "AT_AddConstraint" && constraintIn(def)?.contype === "CONSTR_FOREIGN") return "ShareRowExclusive";
  if (/^AT_(?:Enable|Disable)(?:Always|Replica)?Trig/.test(subtype ?? "")) return "ShareRowExclusive";
  return weak.has(subtype ?? "") ? "ShareUpdateExclusive" : "AccessExclusive";
}

const weak: ReadonlySet<string> = new Set([
  "AT_SetStatistics",
  "AT_ClusterOn",
  "AT_DropCluster",
  "AT_SetOptions",
  "AT_ResetOptions",
  "AT_SetRelOptions",
  "AT_ResetRelOptions",
  "AT_ValidateConstraint",
  "AT_AttachPartition",
  "AT_DetachPartitionFinalize",
]);

function modeOfPartition({ def }: AlterTableCmd): LockMode {
  return isConcurrent(def) ? "ShareUpdateExclusive" : "AccessExclusive";
}

function isConcurrent(def: Node | undefined): boolean {
  return def !== undefined && "PartitionCmd" in def && def.PartitionCmd.concurrent === true;
}

function ofCreateTable(node: Node, context: LintContext): readonly LockedTable[] {
  if (!("CreateStmt" in node)) return [];
  const create = node.CreateStmt;
  if (isSkipped(create, context)) return [];
  const elements = create.tableElts ?? [];
  const parents = [
    ...parentsOf(elements, context),
    ...elements.flatMap((element) => parentsOf(columnIn(element)?.constraints, context)),
  ];
  const mode = create.partbound ? "AccessExclusive" : "ShareUpdateExclusive";
  const inherited = (create.inhRelations ?? []).flatMap((one) =>
    "RangeVar" in one ? [{ table: tableOf(context, one.RangeVar), mode } as const] : [],
  );
  return [...parents, ...inherited];
}

/** CREATE TABLE IF NOT EXISTS of a table that is there. */
export function isSkipped({ if_not_exists: ifNotExists, relation }: CreateStmt, context: LintContext): boolean {
  return ifNotExists === true && relation !== undefined && context.model.has("table", tableOf(context, relation));
}

/** What names its tables outright. */
function ofOneRelation(node: Node, context: LintContext): readonly LockedTable[] {
  const of = (relation: Parameters<typeof tableOf>[1] | undefined, mode: LockMode) =>
    relation ? [{ table: tableOf(context, relation), mode }] : [];
  if ("IndexStmt" in node)
    return of(node.IndexStmt.relation, node.IndexStmt.concurrent ? "ShareUpdateExclusive" : "Share");
  if ("CreateTrigStmt" in node) return of(node.CreateTrigStmt.relation, "ShareRowExclusive");
  if ("RuleStmt" in node) return of(node.RuleStmt.relation, "AccessExclusive");
  if ("CreatePolicyStmt" in node) return of(node.CreatePolicyStmt.table, "AccessExclusive");
  if ("AlterPolicyStmt" in node) return of(node.AlterPolicyStmt.table, "AccessExclusive");
  if (
    "RenameStmt" in node &&
    /^OBJECT_(?:TABLE|COLUMN|TABCONSTRAINT|TRIGGER|POLICY|RULE)$/.test(node.RenameStmt.renameType ?? "")
  )
    return of(node.RenameStmt.relation, "AccessExclusive");
  if ("AlterObjectSchemaStmt" in node) return of(node.AlterObjectSchemaStmt.relation, "AccessExclusive");
  if ("TruncateStmt" in node) return named(node.TruncateStmt.relations, context, "AccessExclusive");
  if ("LockStmt" in node) return named(node.LockStmt.relations, context, explicitMode(node.LockStmt.mode));
  if ("RefreshMatViewStmt" in node) return ofRefresh(node.RefreshMatViewStmt, context);
  if ("ClusterStmt" in node) return of(node.ClusterStmt.relation, "AccessExclusive");
  if ("ReindexStmt" in node && !hasDefElem(node.ReindexStmt.params, "concurrently")) {
    const { kind, relation } = node.ReindexStmt;
    if (kind !== "REINDEX_OBJECT_INDEX") return of(relation, "Share");
    const owner = relation && context.model.tableOfIndex(tableOf(context, relation));
    return owner ? [{ table: owner.name, mode: "Share" }] : [];
  }
  return "DropStmt" in node ? ofDrop(node, context) : [];
}

function ofRefresh({ relation, concurrent }: RefreshMatViewStmt, context: LintContext): readonly LockedTable[] {
  if (relation === undefined) return [];
  const view = tableOf(context, relation);
  if (context.model.isNew("materialized view", view)) return [];
  return [{ table: view, mode: concurrent ? "Exclusive" : "AccessExclusive" }];
}

function named(
  relations: readonly Node[] | undefined,
  context: LintContext,
  mode: LockMode | undefined,
): readonly LockedTable[] {
  if (mode === undefined) return [];
  return (relations ?? []).flatMap((one) =>
    "RangeVar" in one ? [{ table: tableOf(context, one.RangeVar), mode }] : [],
  );
}

/** The numbers of PostgreSQL's lockdefs.h; undefined for the modes of plain reads and writes. */
export function explicitMode(mode: number | undefined): LockMode | undefined {
  const modes: Readonly<Record<number, LockMode>> = {
    4: "ShareUpdateExclusive",
    5: "Share",
    6: "ShareRowExclusive",
    7: "Exclusive",
    8: "AccessExclusive",
  };
  return modes[mode ?? 0];
}

function ofDrop(
  { DropStmt: drop }: Extract<Node, { readonly DropStmt: unknown }>,
  context: LintContext,
): readonly LockedTable[] {
  const names = droppedNames(drop.objects);
  const mode = "AccessExclusive";
  if (drop.removeType === "OBJECT_TABLE")
    return names.flatMap((parts) => {
      const table = nameIn(context, parts);
      return [{ table, mode } as const, ...referencedBy(context.model.table(table))];
    });
  // The last part of these is the object's own name.
  if (/^OBJECT_(?:TRIGGER|POLICY|RULE)$/.test(drop.removeType ?? ""))
    return names.map((parts) => ({ table: nameIn(context, parts.slice(0, -1)), mode }));
  if (drop.removeType !== "OBJECT_INDEX" || drop.concurrent) return [];
  return names.flatMap((parts) => {
    const owner = context.model.tableOfIndex(nameIn(context, parts));
    return owner ? [{ table: owner.name, mode } as const] : [];
  });
}
