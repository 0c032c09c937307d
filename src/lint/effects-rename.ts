import type { RenameStmt } from "libpg-query";
import { formatName, quoteLiteral } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect, EffectKind } from "./effects.js";
import { memberKinds, relationKinds, routineKinds } from "./effects-kinds.js";
import {
  argumentsOf,
  keyOf,
  memberKey,
  namedIn,
  plain,
  regclass,
  regtype,
  relationKey,
  spell,
} from "./effects-name.js";
import { memberLook, named, typed, wordOf } from "./effects-object.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext } from "./rule.js";

/** RENAME of every kind, SET SCHEMA, and RENAME VALUE of an enum. */
export function renameEffects(node: Node, context: LintContext): readonly Effect[] {
  if ("RenameStmt" in node) return [rename(node.RenameStmt, context) ?? []].flat();
  if ("AlterEnumStmt" in node && node.AlterEnumStmt.oldVal !== undefined) {
    const { typeName, oldVal, newVal = "" } = node.AlterEnumStmt;
    const written = nameFromParts(stringsIn(typeName));
    const type = typed(written, context);
    const valueKey = (value: string) => keyOf("enum value", type.key ?? "", value);
    const exists = `EXISTS (SELECT FROM pg_enum WHERE enumtypid = to_regtype(${regtype(written)}) AND enumlabel = ${quoteLiteral(oldVal)})`;
    const to = { key: valueKey(newVal), name: newVal };
    const label = `'${oldVal}' of ${type.label}`;
    return [{ ...type, action: "rename", kind: "enum value", key: valueKey(oldVal), label, name: oldVal, exists, to }];
  }
  if ("AlterObjectSchemaStmt" in node) {
    const {
      relation,
      object,
      objectType = "",
      newschema = "",
      missing_ok: hasGuard = false,
    } = node.AlterObjectSchemaStmt;
    const written = relation ?? namedIn(context, object)?.written;
    // An extension that is there already stays there without an error.
    if (written === undefined || objectType === "OBJECT_EXTENSION") return [];
    const { schema, name } = context.model.resolve(written);
    if (schema === newschema) return [];
    const family = relation === undefined ? wordOf(objectType) : "relation";
    const kind = kinds[objectType] ?? "other";
    const to = { key: keyOf(family, newschema, name), name };
    const table = relation === undefined ? undefined : { schema, name };
    const label = formatName({ schema, name });
    const key = keyOf(family, schema, name);
    return [{ ...plain, action: "rename", kind, key, label, name, table, hasGuard, to }];
  }
  return [];
}

const kinds: Readonly<Record<string, EffectKind>> = {
  ...relationKinds,
  ...memberKinds,
  ...routineKinds,
  OBJECT_TYPE: "type",
  OBJECT_DOMAIN: "domain",
};

function rename(stmt: RenameStmt, context: LintContext): Effect | undefined {
  const { renameType = "", relation, subname = "", newname = "", missing_ok = false } = stmt;
  if (relation === undefined) return renameOther(stmt, context);
  const table = context.model.resolve(relation);
  const part = partNames[renameType];
  if (part === undefined) {
    const to = { key: relationKey({ schema: table.schema, name: newname }), name: newname };
    const kind = kinds[renameType] ?? "table";
    const exists = `to_regclass(${regclass(relation)}) IS NOT NULL`;
    return {
      ...plain,
      action: "rename",
      kind,
      key: relationKey(table),
      label: formatName(table),
      name: table.name,
      table,
      hasGuard: missing_ok,
      exists,
      to,
    };
  }
  // IF EXISTS asks for the table only.
  const to = { key: memberKey(part, table, newname), name: newname };
  const exists =
    part === "column"
      ? `EXISTS (SELECT FROM pg_attribute WHERE attrelid = to_regclass(${regclass(relation)}) AND attname = ${quoteLiteral(subname)} AND NOT attisdropped)`
      : memberLook(part, relation, subname);
  const label = part === "column" ? `${formatName(table)}.${subname}` : `${subname} on ${formatName(table)}`;
  return {
    ...plain,
    action: "rename",
    kind: part,
    key: memberKey(part, table, subname),
    label,
    name: subname,
    table,
    exists,
    to,
  };
}

type PartKind = "column" | "constraint" | "trigger" | "policy" | "rule";

const partNames: Readonly<Record<string, PartKind>> = {
  OBJECT_COLUMN: "column",
  OBJECT_ATTRIBUTE: "column",
  OBJECT_TABCONSTRAINT: "constraint",
  OBJECT_TRIGGER: "trigger",
  OBJECT_POLICY: "policy",
  OBJECT_RULE: "rule",
};

function renameOther(
  { renameType = "OBJECT_TYPE", object, subname = "", newname = "" }: RenameStmt,
  context: LintContext,
): Effect {
  const of = namedIn(context, object);
  if (of === undefined || object === undefined || "String" in object) {
    const kind = renameType === "OBJECT_SCHEMA" ? "schema" : renameType === "OBJECT_ROLE" ? "role" : "other";
    const old = of?.written.relname ?? subname;
    const exists = kind === "schema" ? { exists: `to_regnamespace(${regtype({ relname: old })}) IS NOT NULL` } : {};
    return { ...named(kind, old), ...exists, action: "rename", to: { key: keyOf(kind, newname), name: newname } };
  }
  const { schema, name } = of.name;
  if ("ObjectWithArgs" in object) {
    const args = argumentsOf(object.ObjectWithArgs.objfuncargs);
    const key = keyOf("function", schema, name, args);
    const to = { key: keyOf("function", schema, newname, args), name: newname };
    const exists = `to_regprocedure(${quoteLiteral(`${spell(of.written)}(${args})`)}) IS NOT NULL`;
    return {
      ...plain,
      action: "rename",
      kind: kinds[renameType] ?? "function",
      key,
      label: `${of.label}(${args})`,
      name,
      exists,
      to,
    };
  }
  if (renameType === "OBJECT_DOMCONSTRAINT") {
    const key = (constraint: string) => keyOf("domain constraint", keyOf("type", schema, name), constraint);
    return {
      ...plain,
      action: "rename",
      kind: "domain constraint",
      key: key(subname),
      label: `${subname} of ${of.label}`,
      name: subname,
      to: { key: key(newname), name: newname },
    };
  }
  const exists = `to_regtype(${regtype(of.written)}) IS NOT NULL`;
  const to = { key: keyOf("type", schema, newname), name: newname };
  return {
    ...plain,
    action: "rename",
    kind: kinds[renameType] ?? "other",
    key: keyOf("type", schema, name),
    label: of.label,
    name,
    exists,
    to,
  };
}
