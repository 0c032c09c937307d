import type { SqlComment } from "../migrate/parse.js";
import type { PlacedStatement } from "./bodies.js";

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
  return comments.flatMap(({ text, offset }) => {
    const words = /\broomctl-ignore\b(?<rest>[^\n]*)/.exec(text)?.groups?.["rest"];
    if (words === undefined) return [];
    const statement = ownerOf({ offset, end: offset + text.length }, statements, sql);
    return [{ ...parseIgnore(words), offset, statement }];
  });
}

/** True when an ignore is about a statement: the very one, or the block that holds it. */
export function covers({ statement: owner }: Ignore, statement: PlacedStatement): boolean {
  for (let one: PlacedStatement | undefined = statement; one; one = one.container) if (one === owner) return true;
  return false;
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

function ownerOf(comment: Range, statements: readonly PlacedStatement[], sql: string): PlacedStatement | undefined {
  const container = statements.findLast(({ offset, end }) => offset <= comment.offset && comment.offset < end);
  const siblings = statements.filter((statement) => statement.container === container);
  if (container !== undefined && siblings.length === 0) return container;
  const before = siblings.findLast(({ end }) => end <= comment.offset);
  if (before && !sql.slice(before.end, comment.offset).includes("\n")) return before;
  return siblings.find(({ offset }) => offset >= comment.end);
}
