import type { LintContext, LintStatement } from "./rule.js";

/**
 * The text of a statement from a place in its tree on, for a safer form in the author's own words. It ends at `end`
 * where that is told, else where the clause does: before the next comma or closing parenthesis that is not inside of
 * parentheses or quotes. Undefined where the place cannot be found again.
 */
export function clauseAt(
  statement: LintStatement,
  context: LintContext,
  { location, end }: { readonly location?: number; readonly end?: number },
): string | undefined {
  // Places in the tree are bytes of the file; the statement parsed by itself tells how far they are off.
  const own = context.parser.parse(statement.text)[0];
  const [there, here] = [firstLocation(statement.node), firstLocation(own?.node)];
  if (own === undefined || there === undefined || here === undefined) return undefined;
  const offsetOf = (place: number) => own.offsetOf(place - there + here);
  const from = statement.text.slice(offsetOf(location ?? 0));
  const length = end === undefined ? clauseLength(from) : offsetOf(end) - offsetOf(location ?? 0);
  return from.slice(0, length).trim();
}

/** The first place that the tree names, the same one in both trees. */
function firstLocation(tree: unknown): number | undefined {
  if (typeof tree !== "object" || tree === null) return undefined;
  for (const [key, value] of Object.entries(tree)) {
    const found = key === "location" && typeof value === "number" ? value : firstLocation(value);
    if (found !== undefined) return found;
  }
  return undefined;
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
