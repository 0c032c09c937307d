import type { LintStatement } from "./rule.js";

/**
 * The text of a statement from a place in its tree on, for a safer form in the author's own words. It ends at `end`
 * where that is told, else where the clause does: before the next comma or closing parenthesis that is not inside of
 * parentheses or quotes. Undefined where there is no text at the place.
 */
export function clauseAt(
  statement: LintStatement,
  { location = 0, end }: { readonly location?: number; readonly end?: number },
): string | undefined {
  const from = statement.textFrom(location);
  const length = end === undefined ? clauseLength(from) : from.length - statement.textFrom(end).length;
  const clause = from.slice(0, length).trim();
  return clause === "" ? undefined : clause;
}

const pieces =
  /--[^\n]*|\/\*[\s\S]*?\*\/|[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'[^']*'|"[^"]*"|\$(\w*)\$[\s\S]*?\$\1\$|[[(]|[\])]|[,;]|[^-/eE'"$[\](),;]+|[\s\S]/g;

function clauseLength(text: string): number {
  let depth = 0;
  for (const { 0: piece, index } of text.matchAll(pieces)) {
    if (depth === 0 && /^[,;)\]]$/.test(piece)) return index;
    if (piece === "(" || piece === "[") depth += 1;
    if (piece === ")" || piece === "]") depth -= 1;
  }
  return text.length;
}
