import { positionsIn } from "./position.js";

/**
 * One statement of an SQL file. `offset` and `line` (from 1) are those of its first word; comments before it and the
 * semicolon after it are left out.
 */
export interface SqlStatement {
  readonly text: string;
  readonly offset: number;
  readonly line: number;
}

/**
 * Splits SQL at its top-level semicolons by psql's rules: none inside quotes, dollar quotes, comments, parentheses
 * (CREATE RULE) or the BEGIN ATOMIC … END body of an SQL function. For text that PostgreSQL's parser does not know;
 * what it knows, it splits itself (`parse.ts`).
 */
export function splitStatements(sql: string): readonly SqlStatement[] {
  const statements: SqlStatement[] = [];
  const positions = positionsIn(sql);
  let start: number | undefined;
  let end = 0;
  let nesting = emptyNesting;
  const finish = () => {
    if (start !== undefined)
      statements.push({ text: sql.slice(start, end), offset: start, line: positions.at(start).line });
    start = undefined;
    nesting = emptyNesting;
  };
  for (const token of tokens(sql)) {
    if (token.kind === "blank") continue;
    if (token.text === ";" && nesting.parentheses === 0 && nesting.bodies === 0) {
      finish();
      continue;
    }
    start ??= token.offset;
    end = token.offset + token.text.length;
    nesting = nest(nesting, token);
  }
  finish();
  return statements;
}

/** Where the blanks and comments that begin at `offset` end. */
export function afterBlanks(sql: string, offset: number): number {
  for (const token of tokens(sql, offset)) if (token.kind !== "blank") return token.offset;
  return sql.length;
}

/** True when a text holds no statement. */
export function isBlank(sql: string): boolean {
  for (const token of tokens(sql)) if (token.kind !== "blank" && token.text !== ";") return false;
  return true;
}

/** The comments that fill a line from its first word on. */
export function lineComments(sql: string): readonly { readonly text: string; readonly offset: number }[] {
  const found: { readonly text: string; readonly offset: number }[] = [];
  for (const { text, offset } of tokens(sql)) {
    if (!text.startsWith("--")) continue;
    if (/^[ \t]*$/.test(sql.slice(sql.lastIndexOf("\n", offset) + 1, offset))) found.push({ text, offset });
  }
  return found;
}

interface Token {
  readonly kind: "blank" | "word" | "quoted" | "other";
  readonly text: string;
  readonly offset: number;
}

/**
 * Block comments nest in PostgreSQL, which no regular expression follows: they are cut by hand below. A doubled quote
 * ends one string and begins the next, which changes nothing here; only E'…' must see it, for its backslashes.
 */
const tokenPattern =
  /(?<blank>\s+|--[^\n\r]*)|(?<quoted>[eE]'(?:[^'\\]|\\[\s\S]|'')*(?:'|$)|'[^']*(?:'|$)|"[^"]*(?:"|$)|(?<tag>\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$)[\s\S]*?(?:\k<tag>|$))|(?<word>[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*)|[0-9][\w.]*|[\s\S]/y;

function* tokens(sql: string, from = 0): Generator<Token> {
  for (let offset = from; offset < sql.length; ) {
    const comment = sql.startsWith("/*", offset) ? blockComment(sql, offset) : undefined;
    if (comment !== undefined) {
      yield { kind: "blank", text: comment, offset };
      offset += comment.length;
      continue;
    }
    tokenPattern.lastIndex = offset;
    const match = tokenPattern.exec(sql);
    const text = match?.[0] ?? sql.slice(offset);
    const groups = match?.groups ?? {};
    const kind = groups["blank"] ? "blank" : groups["quoted"] ? "quoted" : groups["word"] ? "word" : "other";
    yield { kind, text, offset };
    offset += text.length;
  }
}

function blockComment(sql: string, offset: number): string {
  const marks = /\/\*|\*\//g;
  marks.lastIndex = offset;
  let depth = 0;
  for (let mark = marks.exec(sql); mark; mark = marks.exec(sql)) {
    depth += mark[0] === "/*" ? 1 : -1;
    if (depth === 0) return sql.slice(offset, marks.lastIndex);
  }
  return sql.slice(offset);
}

interface Nesting {
  readonly parentheses: number;
  /** BEGIN ATOMIC and the CASE expressions in it, both closed by END. */
  readonly bodies: number;
  /** The words so far, up to the fourth: only CREATE [OR REPLACE] FUNCTION or PROCEDURE has such a body. */
  readonly words: readonly string[];
}

const emptyNesting: Nesting = { parentheses: 0, bodies: 0, words: [] };

function nest(nesting: Nesting, token: Token): Nesting {
  const { parentheses, bodies, words } = nesting;
  if (token.text === "(") return { ...nesting, parentheses: parentheses + 1 };
  if (token.text === ")") return { ...nesting, parentheses: Math.max(0, parentheses - 1) };
  if (token.kind !== "word") return nesting;
  const word = token.text.toUpperCase();
  if (words.length < 4) return { ...nesting, words: [...words, word] };
  if (parentheses > 0 || !/^CREATE (?:OR REPLACE )?(?:FUNCTION|PROCEDURE)\b/.test(words.join(" "))) return nesting;
  if (word === "BEGIN" || (word === "CASE" && bodies > 0)) return { ...nesting, bodies: bodies + 1 };
  if (word === "END" && bodies > 0) return { ...nesting, bodies: bodies - 1 };
  return nesting;
}
