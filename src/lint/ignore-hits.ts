import { type PlacedHit, wordsOf } from "./finding.js";
import { covers, type Ignore } from "./ignore.js";
import { type IgnoreRuleId, ignoreRules } from "./ignore-rules.js";

/** The hits, with the reason of the ignore that covers them. */
export function withReasons(hits: readonly PlacedHit[], ignores: readonly Ignore[]): readonly PlacedHit[] {
  if (ignores.length === 0) return hits;
  return hits.map((hit) => {
    const ignore = ignores.find((one) => one.reason !== undefined && isAbout(one, hit));
    return ignore?.reason === undefined ? hit : { ...hit, finding: { ...hit.finding, ignoredBecause: ignore.reason } };
  });
}

function isAbout(ignore: Ignore, { statement, finding }: PlacedHit): boolean {
  return statement !== undefined && ignore.rules.includes(finding.rule) && covers(ignore, statement);
}

/** What is the matter with the ignores themselves: `known` are the ids of all rules. */
export function ignoreHits(
  ignores: readonly Ignore[],
  hits: readonly PlacedHit[],
  known: ReadonlySet<string>,
): readonly PlacedHit[] {
  return ignores.flatMap((ignore) => {
    const hit = (id: IgnoreRuleId, message: string) => ignoreHit(ignore, id, message);
    const named = ignore.rules.join(", ");
    const unknown = ignore.rules.filter((rule) => !known.has(rule));
    const unused = ignore.rules.filter(
      (rule) => known.has(rule) && !hits.some((one) => one.finding.rule === rule && isAbout(ignore, one)),
    );
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
