/** True when the whole text is as one of the patterns says: `*` stands for anything, capitals count as small letters. */
export function matchesAny(text: string, patterns: readonly string[]): boolean {
  return patterns.some((pattern) => toExpression(pattern).test(text));
}

function toExpression(pattern: string): RegExp {
  const parts = pattern.split("*").map((part) => part.replace(/[\\^$.*+?()[\]{}|/]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*")}$`, "isu");
}
