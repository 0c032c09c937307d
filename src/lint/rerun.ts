import { type Effect, effectsOfFile } from "./effects.js";
import type { LintContext, LintStatement } from "./rule.js";

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
  const known = replays.get(context.statements) ?? replay(context);
  replays.set(context.statements, known);
  return known.filter(({ index }) => index === context.index);
}

type Placed = RerunProblem & { readonly index: number };

const replays = new WeakMap<readonly LintStatement[], readonly Placed[]>();

interface Step {
  readonly effect: Effect;
  readonly index: number;
  /** An IF around it decides: it asks by itself. */
  readonly isConditional: boolean;
}

function replay(context: LintContext): readonly Placed[] {
  const steps = effectsOfFile(context).all.map(
    ({ effect, index }): Step => ({ effect, index, isConditional: context.statements[index]?.isGuarded ?? false }),
  );
  const first = firstRun(steps);
  return secondRun(steps, first);
}

/** What is there, with what each thing hangs on. `false`: known to be gone. */
type State = Map<string, readonly string[] | false>;

function firstRun(steps: readonly Step[]): State {
  const state: State = new Map();
  for (const { effect } of steps) perform(state, effect);
  return state;
}

function secondRun(steps: readonly Step[], first: State): readonly Placed[] {
  const state: State = new Map(first);
  const problems: Placed[] = [];
  for (const [position, step] of steps.entries()) {
    const { effect, index, isConditional } = step;
    const problem = isConditional ? undefined : problemOf(state, effect);
    if (problem !== undefined) problems.push({ effect, index, problem });
    if (!isConditional && holdsRows(effect) && isThere(state, effect.key) && isMadeLater(steps, position)) {
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
  const gone = [...first].flatMap(([key, there]) => (there !== false && second.get(key) === false ? [key] : []));
  return gone.flatMap((key) => {
    const hangsOn = first.get(key) || [];
    // Its own DROP before that of what it hangs on.
    const culprit =
      steps.find(({ effect }) => effect.action === "drop" && effect.key === key) ??
      steps.find(({ effect }) => effect.action === "drop" && hangsOn.includes(effect.key ?? ""));
    if (culprit === undefined || culprit.isConditional || hangsOn.some((parent) => gone.includes(parent))) return [];
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
    state.set(key, dependsOn);
    for (const part of brings) state.set(part.key, part.dependsOn);
    return;
  }
  if (action === "rename" && to !== undefined) {
    // What hangs on it keeps its place in `state` under the old name: it is not asked for under it again.
    if (!isGone(state, key)) state.set(to.key, state.get(key) || []);
    state.set(key, false);
    return;
  }
  remove(state, key);
}

/** Drops a thing and all that hangs on it. DROP FUNCTION without arguments means any of that name. */
function remove(state: State, key: string): void {
  state.set(key, false);
  const anyOverload = `${key.slice(0, -1)},`;
  for (const [other, there] of state) {
    const isOverload = key.startsWith('["function"') && other.startsWith(anyOverload);
    if (there !== false && (isOverload || there.includes(key))) remove(state, other);
  }
}

function isThere(state: State, key: string | undefined): boolean {
  return key !== undefined && Array.isArray(state.get(key));
}

function isGone(state: State, key: string | undefined): boolean {
  return key !== undefined && state.get(key) === false;
}

function holdsRows({ action, kind }: Effect): boolean {
  return action === "drop" && ["table", "column", "sequence", "schema"].includes(kind);
}

function isMadeLater(steps: readonly Step[], position: number): boolean {
  const key = steps[position]?.effect.key;
  return steps.slice(position + 1).some(({ effect }) => effect.action === "create" && effect.key === key);
}

/** `constraint users_pkey of users` of its key. */
function labelOf(key: string): string {
  const [family, ...parts]: readonly string[] = JSON.parse(key);
  const name = parts.at(-1) ?? "";
  return parts.length > 2 ? `${family} ${name} of ${parts.at(-2)}` : `${family} ${name}`;
}
