import type { CreateStmt, RangeVar } from "libpg-query";
import { formatName } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect, EffectKind } from "./effects.js";
import { argumentsOf, keyOf, memberKey, plain, regclass, relationKey } from "./effects-name.js";
import { globalEffect, memberLook, typed } from "./effects-object.js";
import { columnParts, constraintPart, type Part } from "./effects-parts.js";
import { nameFromParts, stringsIn, type WrittenName } from "./names.js";
import type { LintContext } from "./rule.js";
import { columnIn, constraintIn } from "./tree.js";

/** CREATE of every kind, and ADD VALUE of an enum. */
export function createEffects(node: Node, context: LintContext): readonly Effect[] {
  const effect = relationEffect(node, context) ?? memberEffect(node, context) ?? typeEffect(node, context);
  return [effect ?? routineEffect(node, context) ?? globalEffect(node, context) ?? []].flat();
}

function relationEffect(node: Node, context: LintContext): Effect | undefined {
  if ("CreateStmt" in node) return tableEffect(node.CreateStmt, context, "table");
  if ("CreateForeignTableStmt" in node)
    return tableEffect(node.CreateForeignTableStmt.base ?? {}, context, "foreign table");
  if ("CreateTableAsStmt" in node) {
    const { into, if_not_exists: hasGuard = false, objtype } = node.CreateTableAsStmt;
    const kind = objtype === "OBJECT_MATVIEW" ? "materialized view" : "table";
    return relation(into?.rel, context, { kind, hasGuard });
  }
  if ("SelectStmt" in node)
    return relation(node.SelectStmt.intoClause?.rel, context, { kind: "table", exists: undefined });
  if ("ViewStmt" in node) {
    const { view, replace: hasGuard = false } = node.ViewStmt;
    return relation(view, context, { kind: "view", hasGuard });
  }
  if ("CreateSeqStmt" in node) {
    const { sequence, if_not_exists: hasGuard = false } = node.CreateSeqStmt;
    return relation(sequence, context, { kind: "sequence", hasGuard });
  }
  if ("IndexStmt" in node) {
    const { relation: on, idxname, if_not_exists: hasGuard = false } = node.IndexStmt;
    if (on === undefined) return undefined;
    const table = context.model.resolve(on);
    const name = idxname ?? "";
    const key = idxname === undefined ? undefined : relationKey({ schema: table.schema, name });
    const written = on.schemaname === undefined ? { relname: name } : { schemaname: on.schemaname, relname: name };
    const exists = idxname === undefined ? undefined : `to_regclass(${regclass(written)}) IS NOT NULL`;
    const label = idxname ?? `on ${formatName(table)}`;
    return {
      ...plain,
      action: "create",
      kind: "index",
      key,
      label,
      name,
      table,
      hasGuard,
      exists,
      dependsOn: [relationKey(table)],
    };
  }
  return undefined;
}

function tableEffect(stmt: CreateStmt, context: LintContext, kind: EffectKind): Effect | undefined {
  if (stmt.relation === undefined) return undefined;
  const table = context.model.resolve(stmt.relation);
  const brings = (stmt.tableElts ?? []).flatMap((element): readonly Part[] => {
    const column = columnIn(element);
    if (column !== undefined) return columnParts(column, table, context);
    const constraint = constraintIn(element);
    return constraint === undefined ? [] : constraintPart(constraint, table, { context });
  });
  return relation(stmt.relation, context, { kind, hasGuard: stmt.if_not_exists ?? false, brings });
}

/** Temporary tables end with the session: they are nobody's. */
function relation(
  range: RangeVar | undefined,
  context: LintContext,
  options: Pick<Effect, "kind"> & Partial<Effect>,
): Effect | undefined {
  if (range === undefined || range.relpersistence === "t") return undefined;
  const table = context.model.resolve(range);
  const exists = `to_regclass(${regclass(range)}) IS NOT NULL`;
  const common = { key: relationKey(table), label: formatName(table), name: table.name, table, exists };
  const dependsOn = [keyOf("schema", table.schema)];
  return { ...plain, action: "create", ...common, dependsOn, location: range.location, ...options };
}

function memberEffect(node: Node, context: LintContext): Effect | undefined {
  if ("CreateTrigStmt" in node) {
    const { trigname, relation: on, replace: hasGuard = false, funcname } = node.CreateTrigStmt;
    const exists = memberLook("trigger", on, trigname);
    const effect = member("trigger", { name: trigname, on, context, hasGuard, exists });
    const { schema, name } = context.model.resolve(nameFromParts(stringsIn(funcname)));
    return effect && { ...effect, dependsOn: [...effect.dependsOn, keyOf("function", schema, name, "")] };
  }
  if ("CreatePolicyStmt" in node) {
    const { policy_name: name, table: on } = node.CreatePolicyStmt;
    return member("policy", { name, on, context, exists: memberLook("policy", on, name) });
  }
  if ("RuleStmt" in node) {
    const { rulename: name, relation: on, replace: hasGuard = false } = node.RuleStmt;
    return member("rule", { name, on, context, hasGuard });
  }
  return undefined;
}

interface Member {
  readonly name: string | undefined;
  readonly on: RangeVar | undefined;
  readonly context: LintContext;
  readonly hasGuard?: boolean;
  readonly exists?: string;
}

function member(kind: EffectKind, { name = "", on, context, hasGuard = false, exists }: Member): Effect | undefined {
  if (on === undefined) return undefined;
  const table = context.model.resolve(on);
  const label = `${name} on ${formatName(table)}`;
  const dependsOn = [relationKey(table)];
  return {
    ...plain,
    action: "create",
    kind,
    key: memberKey(kind, table, name),
    label,
    name,
    table,
    hasGuard,
    exists,
    dependsOn,
  };
}

function typeEffect(node: Node, context: LintContext): Effect | undefined {
  const written = typeNameIn(node);
  if (written !== undefined) {
    const kind = "CreateDomainStmt" in node ? "domain" : "type";
    return { ...typed(written, context), kind };
  }
  if ("AlterEnumStmt" in node && node.AlterEnumStmt.oldVal === undefined) {
    const { typeName, newVal = "", skipIfNewValExists: hasGuard = false } = node.AlterEnumStmt;
    const type = typed(nameFromParts(stringsIn(typeName)), context);
    const key = keyOf("enum value", type.key ?? "", newVal);
    const label = `'${newVal}' of ${type.label}`;
    return {
      ...type,
      kind: "enum value",
      key,
      label,
      name: newVal,
      hasGuard,
      exists: undefined,
      dependsOn: [type.key ?? ""],
    };
  }
  return undefined;
}

function typeNameIn(node: Node): WrittenName | undefined {
  if ("CreateEnumStmt" in node) return nameFromParts(stringsIn(node.CreateEnumStmt.typeName));
  if ("CreateRangeStmt" in node) return nameFromParts(stringsIn(node.CreateRangeStmt.typeName));
  if ("CreateDomainStmt" in node) return nameFromParts(stringsIn(node.CreateDomainStmt.domainname));
  if ("CompositeTypeStmt" in node) return node.CompositeTypeStmt.typevar;
  return undefined;
}

function routineEffect(node: Node, context: LintContext): Effect | undefined {
  if ("CreateFunctionStmt" in node) {
    const { funcname, parameters, replace = false, is_procedure } = node.CreateFunctionStmt;
    return routine(context, { funcname, parameters, replace, kind: is_procedure ? "procedure" : "function" });
  }
  if ("DefineStmt" in node && node.DefineStmt.kind === "OBJECT_AGGREGATE") {
    const { defnames, args, replace = false } = node.DefineStmt;
    const list = args?.[0];
    const parameters = list !== undefined && "List" in list ? list.List.items : undefined;
    return routine(context, { funcname: defnames, parameters, replace, kind: "aggregate" });
  }
  return undefined;
}

interface Routine {
  readonly funcname: readonly Node[] | undefined;
  readonly parameters: readonly Node[] | undefined;
  readonly replace: boolean;
  readonly kind: EffectKind;
}

function routine(context: LintContext, { funcname, parameters, replace, kind }: Routine): Effect {
  const { schema, name } = context.model.resolve(nameFromParts(stringsIn(funcname)));
  const args = argumentsOf(parameters);
  const label = `${formatName({ schema, name })}(${args})`;
  return {
    ...plain,
    action: "create",
    kind,
    key: keyOf("function", schema, name, args),
    label,
    name,
    hasGuard: replace,
  };
}
