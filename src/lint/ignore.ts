import type { SqlComment } from "../db/parse.js";
import type { PlacedStatement } from "./bodies.js";
import { groupBy } from "./group-by.js";

/** `-- roomctl-ignore <rule>[, <rule>] reason="…"`, with the statement that it is about. */
export interface Ignore {
  readonly rules: readonly string[];
  readonly reason: string | undefined;
  readonly offset: number;
  /** Undefined where no statement follows. */
  readonly statement: PlacedStatement | undefined;
}

/**
 * The ignores of a file. One belongs to the statement that it stands in, or behind on the line where it ends, or before.
 * Inside a DO block or a function it belongs to a statement of the body in the same way.
 */
export function readIgnores(
  comments: readonly SqlComment[],
  statements: readonly PlacedStatement[],
  sql: string,
): readonly Ignore[] {
  const siblings = groupBy(statements, ({ container }) => [container]);
  return comments.flatMap(({ text, offset }) => {
    const words = /\broomctl-ignore\b(?<rest>[^\n]*)/.exec(text)?.groups?.["rest"];
    if (words === undefined) return [];
    const statement = ownerOf({ offset, end: offset + text.length }, siblings, sql);
    return [{ ...parseIgnore(words), offset, statement }];
  });
}

/** Pure: ` a, b reason="because"`. */
function parseIgnore(words: string): Pick<Ignore, "rules" | "reason"> {
  const match = /\breason\s*=\s*"(?<reason>[^"]*)"/.exec(words);
  const reason = match?.groups?.["reason"]?.trim();
  const named = words.slice(0, match?.index ?? words.search(/\breason\b|\*\/|$/));
  return { rules: named.match(/[\w-]+/g) ?? [], reason: reason === "" ? undefined : reason };
}

interface Range {
  readonly offset: number;
  readonly end: number;
}

/** The statements of each block, in the order of the text; those of the file under undefined. */
type Siblings = ReadonlyMap<PlacedStatement | undefined, readonly PlacedStatement[]>;

function ownerOf(comment: Range, siblings: Siblings, sql: string): PlacedStatement | undefined {
  let container: PlacedStatement | undefined;
  for (;;) {
    const inside = siblings.get(container) ?? [];
    if (container !== undefined && inside.length === 0) return container;
    const next = countUpTo(inside, comment.offset);
    const before = inside[next - 1];
    if (before === undefined || comment.offset >= before.end) {
      if (before && !sql.slice(before.end, comment.offset).includes("\n")) return before;
      return inside[next];
    }
    container = before;
  }
}

/** How many of the statements begin at or before a place. */
function countUpTo(statements: readonly PlacedStatement[], offset: number): number {
  let low = 0;
  let high = statements.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if ((statements[middle]?.offset ?? 0) <= offset) low = middle + 1;
    else high = middle;
  }
  return low;
}
