import type { LintContext, LintStatement } from "./rule.js";

/**
 * A question about a whole file, answered once for it instead of before each of its statements: a file of thousands would
 * else take time by their square.
 */
export function perFile<Answer>(answer: (context: LintContext) => Answer): (context: LintContext) => Answer {
  const known = new WeakMap<readonly LintStatement[], { readonly answer: Answer }>();
  return (context) => {
    const found = known.get(context.statements);
    if (found !== undefined) return found.answer;
    const made = answer(context);
    known.set(context.statements, { answer: made });
    return made;
  };
}
