import type { AlterTableCmd, AlterTableStmt, RangeVar } from "libpg-query";
import { formatName, quoteLiteral } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect } from "./effects.js";
import { keyOf, memberKey, plain, regclass, regtype, relationKey } from "./effects-name.js";
import { memberLook, named, typed } from "./effects-object.js";
import { columnParts, constraintPart } from "./effects-parts.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext } from "./rule.js";
import { columnIn, constraintIn } from "./tree.js";

/** What ALTER TABLE, ALTER DOMAIN, ALTER TYPE and ALTER PUBLICATION make and take away. */
export function alterTableEffects(node: Node, context: LintContext): readonly Effect[] {
  if ("AlterTableStmt" in node) return tableEffects(node.AlterTableStmt, context);
  if ("AlterDomainStmt" in node) {
    const { subtype, typeName, name, def, missing_ok: hasGuard = false } = node.AlterDomainStmt;
    const action = subtype === "C" ? "create" : subtype === "X" ? "drop" : undefined;
    if (action === undefined) return [];
    const written = nameFromParts(stringsIn(typeName));
    const domain = typed(written, context);
    const constraint = name ?? constraintIn(def)?.conname;
    const label = `${constraint ?? "a constraint"} of ${domain.label}`;
    const key = constraint === undefined ? undefined : keyOf("domain constraint", domain.key ?? "", constraint);
    const exists = `EXISTS (SELECT FROM pg_constraint WHERE contypid = to_regtype(${regtype(written)}) AND conname = ${quoteLiteral(constraint ?? "")})`;
    return [{ ...domain, action, kind: "domain constraint", key, label, name: constraint ?? "", hasGuard, exists }];
  }
  if ("AlterPublicationStmt" in node) {
    const { pubname = "", action: what, pubobjects } = node.AlterPublicationStmt;
    if (what === "AP_SetObjects") return [];
    const action = what === "AP_DropObjects" ? "drop" : "create";
    return (pubobjects ?? []).flatMap((object) => {
      const relation = "PublicationObjSpec" in object ? object.PublicationObjSpec.pubtable?.relation : undefined;
      return relation === undefined ? [] : [publicationTable(pubname, relation, { action, context })];
    });
  }
  return [];
}

interface Publishing {
  readonly action: "create" | "drop";
  readonly context: LintContext;
}

function publicationTable(pubname: string, relation: RangeVar, { action, context }: Publishing): Effect {
  const table = context.model.resolve(relation);
  const exists = `EXISTS (SELECT FROM pg_publication_rel AS r JOIN pg_publication AS p ON p.oid = prpubid WHERE pubname = ${quoteLiteral(pubname)} AND prrelid = to_regclass(${regclass(relation)}))`;
  const label = `${formatName(table)} of publication ${pubname}`;
  const key = keyOf("publication table", pubname, table.schema, table.name);
  return { ...named("publication table", label), action, key, table, exists };
}

function tableEffects(alter: AlterTableStmt, context: LintContext): readonly Effect[] {
  const { relation, objtype, cmds } = alter;
  if (relation === undefined) return [];
  const isType = objtype === "OBJECT_TYPE";
  return (cmds ?? []).flatMap((node): readonly Effect[] => {
    if (!("AlterTableCmd" in node)) return [];
    const command = node.AlterTableCmd;
    // Attaching an index that is attached is no error.
    if (command.subtype === "AT_AttachPartition" && objtype === "OBJECT_INDEX") return [];
    const effect = commandEffect(command, relation, context);
    if (effect === undefined) return [];
    return [isType && effect.kind === "column" ? { ...effect, kind: "attribute" } : effect];
  });
}

function commandEffect(command: AlterTableCmd, relation: RangeVar, context: LintContext): Effect | undefined {
  const { subtype, name = "", missing_ok: hasGuard = false, behavior } = command;
  const table = context.model.resolve(relation);
  const isCascade = behavior === "DROP_CASCADE";
  const base = { ...plain, table, hasGuard, isCascade, dependsOn: [relationKey(table)], name };
  const column = { key: memberKey("column", table, name), label: `${formatName(table)}.${name}` };
  const identityKey = memberKey("identity", table, name);
  const attribute = (condition: string) => attributeLook(relation, name, condition);
  switch (subtype) {
    case "AT_AddColumn":
      return addColumn(command, base, { context, relation });
    case "AT_DropColumn":
      return { ...base, ...column, action: "drop", kind: "column", exists: attribute("NOT attisdropped") };
    case "AT_AddIdentity":
      return {
        ...base,
        ...column,
        action: "create",
        kind: "identity",
        key: identityKey,
        exists: attribute("attidentity <> ''"),
      };
    case "AT_DropIdentity":
      return {
        ...base,
        ...column,
        action: "drop",
        kind: "identity",
        key: identityKey,
        exists: attribute("attidentity <> ''"),
      };
    case "AT_AddConstraint":
      return addConstraint(command, base, { context, relation });
    case "AT_DropConstraint": {
      const key = memberKey("constraint", table, name);
      const exists = memberLook("constraint", relation, name);
      return { ...base, action: "drop", kind: "constraint", key, label: `${name} of ${formatName(table)}`, exists };
    }
    case "AT_AttachPartition":
    case "AT_DetachPartition":
    case "AT_AddInherit":
    case "AT_DropInherit":
      return partition(command, base, { context, relation });
    default:
      return undefined;
  }
}

function attributeLook(relation: RangeVar, column: string, condition: string): string {
  return `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(${regclass(relation)}) AND attname = ${quoteLiteral(column)} AND ${condition})`;
}

type Base = Omit<Effect, "action" | "kind" | "key" | "label"> & { readonly table: NonNullable<Effect["table"]> };

function addColumn({ def }: AlterTableCmd, base: Base, { context, relation }: On): Effect | undefined {
  const column = columnIn(def);
  if (column === undefined) return undefined;
  const [own, ...brings] = columnParts(column, base.table, context);
  if (own === undefined) return undefined;
  const name = column.colname ?? "";
  const label = `${formatName(base.table)}.${name}`;
  const exists = attributeLook(relation, name, "NOT attisdropped");
  return { ...base, ...own, action: "create", kind: "column", name, label, brings, exists, location: column.location };
}

interface On {
  readonly context: LintContext;
  readonly relation: RangeVar;
}

function addConstraint({ def }: AlterTableCmd, base: Base, { context, relation }: On): Effect | undefined {
  const constraint = constraintIn(def);
  if (constraint === undefined) return undefined;
  const [part] = constraintPart(constraint, base.table, { context });
  // Without a name it is another one each time, but for a primary key, of which there can be one.
  const isPrimary = constraint.contype === "CONSTR_PRIMARY";
  const name = constraint.conname ?? (isPrimary ? `${base.table.name}_pkey` : "");
  const key = name === "" ? undefined : memberKey("constraint", base.table, name);
  const exists = name === "" ? undefined : memberLook("constraint", relation, name);
  const label = name === "" ? `a constraint of ${formatName(base.table)}` : `${name} of ${formatName(base.table)}`;
  const dependsOn = part?.dependsOn ?? base.dependsOn;
  return {
    ...base,
    action: "create",
    kind: "constraint",
    key,
    label,
    name,
    dependsOn,
    exists,
    location: constraint.location,
  };
}

function partition({ subtype, def }: AlterTableCmd, base: Base, { context, relation }: On): Effect | undefined {
  const isAttach = subtype === "AT_AttachPartition" || subtype === "AT_AddInherit";
  const child =
    def === undefined
      ? undefined
      : "PartitionCmd" in def
        ? def.PartitionCmd.name
        : "RangeVar" in def
          ? def.RangeVar
          : undefined;
  if (child === undefined) return undefined;
  const table = context.model.resolve(child);
  const [one, all] = subtype?.includes("Inherit") ? [relation, child] : [child, relation];
  const exists = `EXISTS (SELECT FROM pg_inherits WHERE inhrelid = to_regclass(${regclass(one)}) AND inhparent = to_regclass(${regclass(all)}))`;
  const key = keyOf("partition", formatName(base.table), formatName(table));
  const label = `${formatName(table)} of ${formatName(base.table)}`;
  return { ...base, action: isAttach ? "create" : "drop", kind: "partition", key, label, name: table.name, exists };
}
