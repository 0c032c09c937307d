import { formatName, quoteLiteral } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect, EffectKind } from "./effects.js";
import { keyOf, plain, regclass, regtype } from "./effects-name.js";
import { nameFromParts, stringsIn, type WrittenName } from "./names.js";
import type { LintContext } from "./rule.js";
import { formatTypeName } from "./type-name.js";

/** What has a name by itself, in no schema, and the rarer objects. */
export function globalEffect(node: Node, context: LintContext): Effect | undefined {
  if ("CreateSchemaStmt" in node) {
    const { schemaname, authrole, if_not_exists: hasGuard = false } = node.CreateSchemaStmt;
    return { ...named("schema", schemaname ?? authrole?.rolename ?? ""), hasGuard };
  }
  if ("CreateExtensionStmt" in node) {
    const { extname = "", if_not_exists: hasGuard = false } = node.CreateExtensionStmt;
    return { ...named("extension", extname), hasGuard };
  }
  if ("CreateRoleStmt" in node) {
    const { role = "" } = node.CreateRoleStmt;
    return { ...named("role", role), exists: look("pg_roles", "rolname", role) };
  }
  if ("CreatePublicationStmt" in node) {
    const { pubname = "" } = node.CreatePublicationStmt;
    return { ...named("publication", pubname), exists: look("pg_publication", "pubname", pubname) };
  }
  return rareEffect(node, context);
}

function rareEffect(node: Node, context: LintContext): Effect | undefined {
  if ("CreateCastStmt" in node) {
    const [from, to] = [formatTypeName(node.CreateCastStmt.sourcetype), formatTypeName(node.CreateCastStmt.targettype)];
    const exists = `EXISTS (SELECT FROM pg_cast WHERE castsource = to_regtype(${quoteLiteral(from)}) AND casttarget = to_regtype(${quoteLiteral(to)}))`;
    return { ...named("other", `cast ${from} ${to}`), label: `the cast from ${from} to ${to}`, exists };
  }
  if ("DefineStmt" in node) {
    const { kind = "OBJECT_TYPE", defnames, if_not_exists, replace } = node.DefineStmt;
    const { schema, name } = context.model.resolve(nameFromParts(stringsIn(defnames)));
    if (kind === "OBJECT_TYPE") return typed(nameFromParts(stringsIn(defnames)), context);
    return {
      ...named("other", `${wordOf(kind)} ${schema}.${name}`),
      label: `${wordOf(kind)} ${name}`,
      hasGuard: if_not_exists ?? replace ?? false,
    };
  }
  if ("CreateStatsStmt" in node) {
    const { defnames, if_not_exists: hasGuard = false } = node.CreateStatsStmt;
    const { schema, name } = context.model.resolve(nameFromParts(stringsIn(defnames)));
    return { ...named("other", `statistics ${schema}.${name}`), hasGuard };
  }
  if ("CreateEventTrigStmt" in node) return named("other", `event trigger ${node.CreateEventTrigStmt.trigname}`);
  if ("CreateForeignServerStmt" in node) {
    const { servername, if_not_exists: hasGuard = false } = node.CreateForeignServerStmt;
    return { ...named("other", `server ${servername}`), hasGuard };
  }
  if ("CreateSubscriptionStmt" in node) return named("other", `subscription ${node.CreateSubscriptionStmt.subname}`);
  return undefined;
}

export function wordOf(objectType: string): string {
  return objectType.replace("OBJECT_", "").replaceAll("_", " ").toLowerCase();
}

export function named(kind: EffectKind, name: string): Effect {
  return { ...plain, action: "create", kind, key: keyOf(kind, name), label: name, name };
}

function look(catalog: string, column: string, name: string): string {
  return `EXISTS (SELECT FROM ${catalog} WHERE ${column} = ${quoteLiteral(name)})`;
}

/** The type itself, as it is before anything is done to it. */
export function typed(written: WrittenName, context: LintContext): Effect {
  const { schema, name } = context.model.resolve(written);
  const exists = `to_regtype(${regtype(written)}) IS NOT NULL`;
  const dependsOn = [keyOf("schema", schema)];
  return {
    ...plain,
    action: "create",
    kind: "type",
    key: keyOf("type", schema, name),
    label: formatName({ schema, name }),
    name,
    exists,
    dependsOn,
  };
}

const catalogs = {
  constraint: ["pg_constraint", "conrelid", "conname"],
  trigger: ["pg_trigger", "tgrelid", "tgname"],
  policy: ["pg_policy", "polrelid", "polname"],
  rule: ["pg_rewrite", "ev_class", "rulename"],
} as const;

/** SQL that asks whether there is one of that name on that table. */
export function memberLook(kind: keyof typeof catalogs, on: WrittenName | undefined, name = ""): string {
  const [catalog, table, column] = catalogs[kind];
  return `EXISTS (SELECT FROM ${catalog} WHERE ${table} = to_regclass(${regclass(on ?? {})}) AND ${column} = ${quoteLiteral(name)})`;
}
