import { type Effect, effectsOfFile } from "./effects.js";
import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintContext } from "./rule.js";
import { isTemporary } from "./temporary-tables.js";

/** What would happen to one effect of a statement if the whole file ran a second time. */
export interface RerunProblem {
  readonly effect: Effect;
  /**
   * `exists`: it fails, since it is there. `missing`: it fails, since it is gone. `twice`: it succeeds, and makes another.
   * `emptied`: it is dropped with what it held, and made anew. `lost`: it is gone afterwards, and nothing says so.
   */
  readonly problem: "exists" | "missing" | "twice" | "emptied" | "lost";
  /** What is lost, as people write it. */
  readonly lost?: string;
}

/**
 * Runs the file twice on paper, by the existence of what it names, and tells what the second run does with this statement.
 * So a CREATE behind its own DROP, a helper table that is dropped at the end and a swap of columns need no guards.
 */
export function rerunProblems(context: LintContext): readonly RerunProblem[] {
  return problemsOfFile(context).get(context.index) ?? [];
}

type Placed = RerunProblem & { readonly index: number };

/** By the place of their statements. */
const problemsOfFile = perFile((context) => groupBy(replay(context), ({ index }) => [index]));

interface Step {
  readonly effect: Effect;
  readonly index: number;
  /** An IF around it decides: it asks by itself. */
  readonly isConditional: boolean;
}

function replay(context: LintContext): readonly Placed[] {
  const steps = effectsOfFile(context).all.flatMap(({ effect, index }): readonly Step[] => {
    // The session's own tables are gone with it.
    if (isTemporary(effect.table?.name, { ...context, index }) || effect.key?.includes('"pg_temp"')) return [];
    return [{ effect, index, isConditional: context.statements[index]?.isGuarded ?? false }];
  });
  const first = firstRun(steps);
  return secondRun(steps, first);
}

/** What is there after the statements so far. */
interface State {
  /** What each thing hangs on. `false`: known to be gone. */
  readonly things: Map<string, readonly string[] | false>;
  /** What has ever hung on a thing, by its key: more than hangs on it now. */
  readonly hanging: Map<string, string[]>;
}

function firstRun(steps: readonly Step[]): State {
  const state: State = { things: new Map(), hanging: new Map() };
  for (const { effect } of steps) perform(state, effect);
  return state;
}

function secondRun(steps: readonly Step[], first: State): readonly Placed[] {
  const state: State = { things: new Map(first.things), hanging: first.hanging };
  const lastMade = new Map(
    steps.flatMap(({ effect: { action, key } }, position) =>
      action === "create" && key !== undefined ? [[key, position] as const] : [],
    ),
  );
  const problems: Placed[] = [];
  for (const [position, step] of steps.entries()) {
    const { effect, index, isConditional } = step;
    const problem = isConditional ? undefined : problemOf(state, effect);
    if (problem !== undefined) problems.push({ effect, index, problem });
    const isMadeLater = (lastMade.get(effect.key ?? "") ?? -1) > position;
    if (!isConditional && holdsRows(effect) && isThere(state, effect.key) && isMadeLater) {
      problems.push({ effect, index, problem: "emptied" });
    }
    const isSkipped =
      (isConditional && effect.action !== "create") || (effect.action === "create" && isThere(state, effect.key));
    if (!isSkipped) perform(state, effect);
  }
  return [...problems, ...lost(steps, first, state)].sort((a, b) => a.index - b.index);
}

/** Things that were there after the first run and are not after the second, each at the statement that took them. */
function lost(steps: readonly Step[], first: State, second: State): readonly Placed[] {
  const gone = new Set(
    [...first.things].flatMap(([key, there]) => (there !== false && second.things.get(key) === false ? [key] : [])),
  );
  const drops = groupBy(steps, ({ effect: { action, key } }) => (action === "drop" && key !== undefined ? [key] : []));
  return [...gone].flatMap((key) => {
    const hangsOn = first.things.get(key) || [];
    // Its own DROP before that of what it hangs on.
    const [culprit] = [key, ...hangsOn].flatMap((one) => drops.get(one)?.[0] ?? []);
    if (culprit === undefined || culprit.isConditional || hangsOn.some((parent) => gone.has(parent))) return [];
    return [{ effect: culprit.effect, index: culprit.index, problem: "lost" as const, lost: labelOf(key) }];
  });
}

function problemOf(state: State, effect: Effect): RerunProblem["problem"] | undefined {
  const { action, key, hasGuard, to } = effect;
  if (action === "create") return key === undefined ? "twice" : isThere(state, key) && !hasGuard ? "exists" : undefined;
  if (action === "drop") return isGone(state, key) && !hasGuard ? "missing" : undefined;
  if (isGone(state, key)) return hasGuard ? undefined : "missing";
  return isThere(state, to?.key) ? "exists" : undefined;
}

function perform(state: State, { action, key, to, dependsOn, brings }: Effect): void {
  if (key === undefined) return;
  if (action === "create") {
    add(state, key, dependsOn);
    for (const part of brings) add(state, part.key, part.dependsOn);
    return;
  }
  if (action === "rename" && to !== undefined) {
    // What hangs on it keeps its place in `state` under the old name: it is not asked for under it again.
    if (!isGone(state, key)) add(state, to.key, state.things.get(key) || []);
    state.things.set(key, false);
    return;
  }
  remove(state, key);
}

function add({ things, hanging }: State, key: string, dependsOn: readonly string[]): void {
  things.set(key, dependsOn);
  for (const parent of [...dependsOn, ...functionName(key)]) {
    const there = hanging.get(parent);
    if (there === undefined) hanging.set(parent, [key]);
    else if (there.at(-1) !== key) there.push(key);
  }
}

/** Drops a thing and all that hangs on it. DROP FUNCTION without arguments means any of that name. */
function remove(state: State, key: string): void {
  state.things.set(key, false);
  for (const other of state.hanging.get(key) ?? []) {
    const there = state.things.get(other) ?? false;
    if (there !== false && (there.includes(key) || functionName(other).includes(key))) remove(state, other);
  }
}

/** The key of a function without its arguments, as DROP FUNCTION may name it. */
function functionName(key: string): readonly string[] {
  if (!key.startsWith('["function"')) return [];
  const parts: readonly string[] = JSON.parse(key);
  return parts.length > 3 ? [JSON.stringify(parts.slice(0, 3))] : [];
}

function isThere(state: State, key: string | undefined): boolean {
  return key !== undefined && Array.isArray(state.things.get(key));
}

function isGone(state: State, key: string | undefined): boolean {
  return key !== undefined && state.things.get(key) === false;
}

function holdsRows({ action, kind }: Effect): boolean {
  return action === "drop" && ["table", "column", "sequence", "schema"].includes(kind);
}

/** `constraint users_pkey of users` of its key. */
function labelOf(key: string): string {
  const [family, ...parts]: readonly string[] = JSON.parse(key);
  const name = parts.at(-1) ?? "";
  return parts.length > 2 ? `${family} ${name} of ${parts.at(-2)}` : `${family} ${name}`;
}
