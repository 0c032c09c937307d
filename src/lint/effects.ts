import type { QualifiedName } from "../db/identifier.js";
import { alterTableEffects } from "./effects-alter.js";
import { createEffects } from "./effects-create.js";
import { dropEffects } from "./effects-drop.js";
import { renameEffects } from "./effects-rename.js";
import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintStatement } from "./rule.js";
import { searchPathOf } from "./search-path.js";

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
interface FileEffects {
  readonly all: readonly PlacedEffect[];
  /** By the key of what they make, take away or rename, and by the new key. */
  readonly byKey: ReadonlyMap<string, readonly PlacedEffect[]>;
  readonly byKind: ReadonlyMap<EffectKind, readonly PlacedEffect[]>;
}

export const effectsOfFile = perFile((context): FileEffects => {
  let present = context;
  const all = context.statements.flatMap((statement, index) => {
    if (statement.runs === "called") return [];
    // The names of later statements are found along the path that the file has set by then.
    const path = searchPathOf(statement.node);
    if (path !== undefined) {
      const { model } = context;
      present = { ...context, model: { ...model, resolve: (name) => model.resolve(name, path) } };
    }
    return effectsOf(statement, present).map((effect) => ({ effect, index }));
  });
  return {
    all,
    byKey: groupBy(all, ({ effect }) => [effect.key, effect.to?.key].flatMap((key) => key ?? [])),
    byKind: groupBy(all, ({ effect }) => [effect.kind]),
  };
});
