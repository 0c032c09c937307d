import type { DropStmt } from "libpg-query";
import { formatName, quoteLiteral } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect } from "./effects.js";
import { globalKinds, memberKinds, relationKinds, routineKinds } from "./effects-kinds.js";
import { argumentsOf, keyOf, memberKey, namedIn, plain, relationKey } from "./effects-name.js";
import { memberLook, named, wordOf } from "./effects-object.js";
import { nameFromParts, stringsIn } from "./names.js";
import type { LintContext } from "./rule.js";

/** DROP of every kind. */
export function dropEffects(node: Node, context: LintContext): readonly Effect[] {
  if ("DropRoleStmt" in node) {
    const { roles, missing_ok: hasGuard = false } = node.DropRoleStmt;
    return (roles ?? []).flatMap((role): readonly Effect[] => {
      const name = "RoleSpec" in role ? (role.RoleSpec.rolename ?? "") : "";
      return [{ ...named("role", name), action: "drop", hasGuard }];
    });
  }
  if ("DropSubscriptionStmt" in node) {
    const { subname, missing_ok: hasGuard = false } = node.DropSubscriptionStmt;
    return [{ ...named("other", `subscription ${subname}`), action: "drop", hasGuard }];
  }
  if (!("DropStmt" in node)) return [];
  const { DropStmt: drop } = node;
  return (drop.objects ?? []).flatMap((object) => {
    const effect = dropped(object, drop, context);
    const isCascade = drop.behavior === "DROP_CASCADE";
    return effect === undefined
      ? []
      : [{ ...effect, action: "drop" as const, hasGuard: drop.missing_ok ?? false, isCascade }];
  });
}

function dropped(object: Node, { removeType = "OBJECT_TABLE" }: DropStmt, context: LintContext): Effect | undefined {
  const of = namedIn(context, object);
  const relation = relationKinds[removeType];
  if (relation !== undefined && of !== undefined) {
    return {
      ...plain,
      action: "drop",
      kind: relation,
      key: relationKey(of.name),
      label: of.label,
      name: of.name.name,
      table: of.name,
    };
  }
  if ((removeType === "OBJECT_TYPE" || removeType === "OBJECT_DOMAIN") && of !== undefined) {
    const kind = removeType === "OBJECT_TYPE" ? "type" : "domain";
    return {
      ...plain,
      action: "drop",
      kind,
      key: keyOf("type", of.name.schema, of.name.name),
      label: of.label,
      name: of.name.name,
    };
  }
  return (
    routineDropped(object, removeType, context) ??
    memberDropped(object, removeType, context) ??
    other(object, removeType)
  );
}

function routineDropped(object: Node, removeType: string, context: LintContext): Effect | undefined {
  const kind = routineKinds[removeType];
  const of = namedIn(context, object);
  if (kind === undefined || of === undefined || !("ObjectWithArgs" in object)) return undefined;
  const { args_unspecified: isAny, objfuncargs } = object.ObjectWithArgs;
  const args = argumentsOf(objfuncargs);
  const key = isAny
    ? keyOf("function", of.name.schema, of.name.name)
    : keyOf("function", of.name.schema, of.name.name, args);
  return { ...plain, action: "drop", kind, key, label: isAny ? of.label : `${of.label}(${args})`, name: of.name.name };
}

function memberDropped(object: Node, removeType: string, context: LintContext): Effect | undefined {
  const kind = memberKinds[removeType];
  if (kind === undefined || !("List" in object)) return undefined;
  const parts = stringsIn(object.List.items);
  const written = nameFromParts(parts.slice(0, -1));
  const [table, name] = [context.model.resolve(written), parts.at(-1) ?? ""];
  const label = `${name} on ${formatName(table)}`;
  const exists = memberLook("trigger", written, name);
  const guard = kind === "trigger" ? { exists } : {};
  return { ...plain, ...guard, action: "drop", kind, key: memberKey(kind, table, name), label, name, table };
}

function other(object: Node, removeType: string): Effect {
  const kind = globalKinds[removeType];
  if (kind !== undefined) return named(kind, "String" in object ? (object.String.sval ?? "") : "");
  return named(
    "other",
    `${wordOf(removeType)} ${quoteLiteral(JSON.stringify(object).replace(/"location":\d+,?/g, ""))}`,
  );
}
