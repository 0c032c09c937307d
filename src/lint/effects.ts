import type { QualifiedName } from "../db/identifier.js";
import { alterTableEffects } from "./effects-alter.js";
import { createEffects } from "./effects-create.js";
import { dropEffects } from "./effects-drop.js";
import { renameEffects } from "./effects-rename.js";
import type { LintContext, LintStatement } from "./rule.js";

/*
 * What a statement does to the existence of things, and whether its own words guard that. From these the rules about
 * re-runs, drops and renames are made.
 */

/** One object that a statement makes, takes away or gives another name. */
export interface Effect {
  readonly action: "create" | "drop" | "rename";
  readonly kind: EffectKind;
  /** The same for everything that cannot exist beside it under that name. Undefined when PostgreSQL makes the name up. */
  readonly key: string | undefined;
  /** As people write it: `users`, `users.email`. */
  readonly label: string;
  /** Its own name, as the tree spells it. */
  readonly name: string;
  /** The relation it belongs to, or is. */
  readonly table?: QualifiedName | undefined;
  /** IF NOT EXISTS, IF EXISTS, OR REPLACE. */
  readonly hasGuard: boolean;
  readonly isCascade?: boolean;
  readonly to?: { readonly key: string; readonly name: string };
  /** What takes it along when it goes. */
  readonly dependsOn: readonly string[];
  /** What comes with it: columns and constraints of a new table. */
  readonly brings: readonly { readonly key: string; readonly dependsOn: readonly string[] }[];
  /** SQL that is true when it exists. */
  readonly exists?: string | undefined;
  readonly location?: number | undefined;
}

export type EffectKind =
  | "table"
  | "view"
  | "materialized view"
  | "index"
  | "sequence"
  | "foreign table"
  | "column"
  | "identity"
  | "partition"
  | "constraint"
  | "domain constraint"
  | "trigger"
  | "policy"
  | "rule"
  | "type"
  | "domain"
  | "enum value"
  | "attribute"
  | "function"
  | "procedure"
  | "aggregate"
  | "schema"
  | "extension"
  | "role"
  | "publication"
  | "publication table"
  | "other";

/** What a statement does, in the order of its text. Nothing for what only looks at or changes rows or settings. */
export function effectsOf(statement: LintStatement, context: LintContext): readonly Effect[] {
  const known = effects.get(statement);
  if (known !== undefined) return known;
  const { node } = statement;
  const found = [
    ...createEffects(node, context),
    ...alterTableEffects(node, context),
    ...dropEffects(node, context),
    ...renameEffects(node, context),
  ];
  effects.set(statement, found);
  return found;
}

/** Many rules ask for the same. */
const effects = new WeakMap<LintStatement, readonly Effect[]>();

/** An effect with the place of its statement in the file. */
interface PlacedEffect {
  readonly effect: Effect;
  readonly index: number;
}

/** What all statements of a file do that run now. */
export interface FileEffects {
  readonly all: readonly PlacedEffect[];
  /** By the key of what they make, take away or rename, and by the new key. */
  readonly byKey: ReadonlyMap<string, readonly PlacedEffect[]>;
  readonly byKind: ReadonlyMap<EffectKind, readonly PlacedEffect[]>;
}

export function effectsOfFile(context: LintContext): FileEffects {
  const known = files.get(context.statements);
  if (known !== undefined) return known;
  const all = context.statements.flatMap((statement, index) =>
    statement.runs === "called" ? [] : effectsOf(statement, context).map((effect) => ({ effect, index })),
  );
  const byKey = group(all, ({ effect }) => [effect.key, effect.to?.key].flatMap((key) => key ?? []));
  const found = { all, byKey, byKind: group(all, ({ effect }) => [effect.kind]) };
  files.set(context.statements, found);
  return found;
}

/** A file may have thousands of statements, each of which asks for others. */
const files = new WeakMap<readonly LintStatement[], FileEffects>();

function group<Key>(
  placed: readonly PlacedEffect[],
  keysOf: (one: PlacedEffect) => readonly Key[],
): ReadonlyMap<Key, readonly PlacedEffect[]> {
  const groups = new Map<Key, PlacedEffect[]>();
  for (const one of placed) {
    for (const key of keysOf(one)) {
      const there = groups.get(key);
      if (there === undefined) groups.set(key, [one]);
      else there.push(one);
    }
  }
  return groups;
}
