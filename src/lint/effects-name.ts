import { formatName, type QualifiedName, quoteIdentifier, quoteLiteral } from "../db/identifier.js";
import type { Node } from "../db/parse.js";
import type { Effect } from "./effects.js";
import { nameInNode, type WrittenName } from "./names.js";
import type { LintContext } from "./rule.js";
import { formatTypeName } from "./type-name.js";

/** Relations of all kinds share one set of names in a schema. */
export function relationKey({ schema, name }: QualifiedName): string {
  return keyOf("relation", schema, name);
}

export function keyOf(family: string, ...parts: readonly string[]): string {
  return JSON.stringify([family, ...parts]);
}

/** Key of what has a name of its own within a table. */
export function memberKey(family: string, { schema, name }: QualifiedName, member: string): string {
  return keyOf(family, schema, name, member);
}

/** A name as the statement spells it, quoted where it needs to be. */
export function spell({ schemaname, relname = "" }: WrittenName): string {
  return [...(schemaname === undefined ? [] : [schemaname]), relname].map(spellPart).join(".");
}

function spellPart(part: string): string {
  return /^[a-z_][a-z0-9_$]*$/.test(part) ? part : quoteIdentifier(part);
}

/** A relation as a literal of `regclass`. */
export function regclass(name: WrittenName): string {
  return quoteLiteral(spell(name));
}

/** Reserved words are names of types only in quotes. */
export function regtype({ schemaname, relname = "" }: WrittenName): string {
  const parts = [...(schemaname === undefined ? [] : [schemaname]), relname];
  return quoteLiteral(parts.map(quoteIdentifier).join("."));
}

/** The arguments that tell functions of one name apart, `integer, text`; undefined when DROP leaves them out. */
export function argumentsOf(parameters: readonly Node[] | undefined): string {
  const types = (parameters ?? []).flatMap((node) => {
    if (!("FunctionParameter" in node)) return [];
    const { mode, argType } = node.FunctionParameter;
    return mode === "FUNC_PARAM_OUT" || mode === "FUNC_PARAM_TABLE" ? [] : [formatTypeName(argType)];
  });
  return types.join(", ");
}

interface Named {
  readonly written: WrittenName;
  readonly name: QualifiedName;
  readonly label: string;
}

/** The name in a node, as written and as found. */
export function namedIn(context: LintContext, node: Node | undefined): Named | undefined {
  const written = nameInNode(node);
  if (written === undefined) return undefined;
  const name = context.model.resolve(written);
  return { written, name, label: formatName(name) };
}

/** What an effect is unless told: unguarded, with nothing around it. */
export const plain = { hasGuard: false, dependsOn: [], brings: [] } satisfies Partial<Effect>;
