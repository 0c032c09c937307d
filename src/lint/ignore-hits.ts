import type { PlacedStatement } from "./bodies.js";
import { type PlacedHit, wordsOf } from "./finding.js";
import { groupBy } from "./group-by.js";
import type { Ignore } from "./ignore.js";
import { type IgnoreRuleId, ignoreRules } from "./ignore-rules.js";

/** The hits, with the reason of the ignore that covers them. */
export function withReasons(hits: readonly PlacedHit[], ignores: readonly Ignore[]): readonly PlacedHit[] {
  if (ignores.length === 0) return hits;
  const byStatement = groupBy(ignores, ({ statement }) => (statement === undefined ? [] : [statement]));
  return hits.map((hit) => {
    const { rule } = hit.finding;
    const around = blocksOf(hit).flatMap((statement) => byStatement.get(statement) ?? []);
    const reason = around.find((one) => one.reason !== undefined && one.rules.includes(rule))?.reason;
    return reason === undefined ? hit : { ...hit, finding: { ...hit.finding, ignoredBecause: reason } };
  });
}

/** The statement that a hit is in, and the blocks that hold it: an ignore of any of these is about it. */
function blocksOf({ statement }: PlacedHit): readonly PlacedStatement[] {
  const blocks: PlacedStatement[] = [];
  for (let one = statement; one; one = one.container) blocks.push(one);
  return blocks;
}

/** What is the matter with the ignores themselves: `known` are the ids of all rules. */
export function ignoreHits(
  ignores: readonly Ignore[],
  hits: readonly PlacedHit[],
  known: ReadonlySet<string>,
): readonly PlacedHit[] {
  const hitsIn = groupBy(hits, blocksOf);
  return ignores.flatMap((ignore) => {
    const here = ignore.statement === undefined ? [] : (hitsIn.get(ignore.statement) ?? []);
    const hit = (id: IgnoreRuleId, message: string) => ignoreHit(ignore, id, message);
    const named = ignore.rules.join(", ");
    const unknown = ignore.rules.filter((rule) => !known.has(rule));
    const unused = ignore.rules.filter((rule) => known.has(rule) && !here.some(({ finding }) => finding.rule === rule));
    return [
      ...(ignore.rules.length === 0 ? [hit("ignore-unknown-rule", "The ignore names no rule")] : []),
      ...(ignore.reason === undefined
        ? [hit("ignore-without-reason", `The ignore of ${named || "nothing"} gives no reason, and is not followed`)]
        : []),
      ...unknown.map((rule) => hit("ignore-unknown-rule", `There is no rule ${rule}`)),
      ...unused.map((rule) => hit("ignore-unused", `The statement has no finding of ${rule} to ignore`)),
    ];
  });
}

function ignoreHit({ offset }: Ignore, id: IgnoreRuleId, message: string): PlacedHit {
  const [rule = ignoreRules[0]] = ignoreRules.filter((one) => one.id === id);
  const { severity } = rule;
  const finding = { ...wordsOf(rule), severity, message, saferSql: null, table: null };
  return { offset, statement: undefined, finding };
}
