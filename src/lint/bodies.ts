import { messageOf } from "../core/errors.js";
import type { ParsedStatement, Parser, SqlComment } from "../db/parse.js";
import { bodyOf, type CodeBody } from "./body-text.js";
import { type BodyStep, stepsOf } from "./plpgsql.js";
import type { LintStatement } from "./rule.js";

/** A statement with its place in the file, in UTF-16 offsets. */
export interface PlacedStatement extends LintStatement {
  readonly offset: number;
  readonly end: number;
  readonly container: PlacedStatement | undefined;
  /** Where a `location` of the tree is; the statement's beginning where that cannot be said. */
  offsetAt(location: number): number;
}

/** A place that could not be looked at. */
export interface Gap {
  readonly offset: number;
  readonly why: string;
}

/** The statements of a file, bodies taken apart behind the statement that holds them. */
export interface Unfolded {
  readonly statements: readonly PlacedStatement[];
  readonly gaps: readonly Gap[];
  /** Comments inside bodies: those between statements are the file's own. */
  readonly comments: readonly SqlComment[];
}

/** Takes a parsed text apart. */
export function unfold(parser: Parser, parsed: readonly ParsedStatement[]): Unfolded {
  const found: Collected = { statements: [], gaps: [], comments: [] };
  const source: Source = {
    toFile: (offset) => offset,
    runs: "now",
    isGuarded: false,
    conditions: [],
    container: undefined,
  };
  for (const statement of parsed) collect(parser, found, { statement, source });
  return found;
}

interface Collected {
  readonly statements: PlacedStatement[];
  readonly gaps: Gap[];
  readonly comments: SqlComment[];
}

/** A text that statements are in: the file, a body, the string of an EXECUTE. */
interface Source extends Pick<PlacedStatement, "runs" | "isGuarded" | "conditions" | "container"> {
  toFile(offset: number): number;
}

interface Item {
  readonly statement: ParsedStatement;
  readonly source: Source;
}

function collect(parser: Parser, found: Collected, { statement, source }: Item): void {
  const { node, text, offset } = statement;
  const { toFile, ...inherited } = source;
  const start = toFile(offset);
  if (node === undefined) {
    found.gaps.push({ offset: start, why: `the parser does not know this statement: ${statement.problem}` });
    return;
  }
  const placed: PlacedStatement = {
    ...inherited,
    node,
    text,
    isInBody: source.container !== undefined,
    offset: start,
    end: Math.max(toFile(offset + text.length), start),
    offsetAt: (location) => toFile(statement.offsetOf(location)),
    textFrom: (location) => text.slice(Math.max(0, statement.offsetOf(location) - offset)),
  };
  found.statements.push(placed);
  const body = bodyOf(node, text);
  if (body === undefined) return;
  const inside = { parser, found, body, statement, placed, toFile: (at: number) => toFile(offset + at) };
  if (body.kind === "plpgsql") collectPlpgsql(inside);
  else if (body.kind === "sql") collectSql(inside);
  else found.gaps.push({ offset: start, why: `the body is written in ${body.language}` });
}

interface Inside {
  readonly parser: Parser;
  readonly found: Collected;
  readonly body: CodeBody;
  readonly statement: ParsedStatement;
  readonly placed: PlacedStatement;
  /** Takes an offset in the statement's text to the file. */
  toFile(at: number): number;
}

function collectSql({ parser, found, body, placed, toFile }: Inside): void {
  const toBody = (at: number) => toFile(body.isExact ? body.offset + at : body.offset);
  addComments(parser, found, body, toBody);
  const source: Source = { toFile: toBody, runs: "called", isGuarded: false, conditions: [], container: placed };
  for (const statement of parser.parse(body.text)) {
    // RETURN is a statement in BEGIN ATOMIC only, and an expression then.
    if (statement.node === undefined && /^return\b/i.test(statement.text)) continue;
    collect(parser, found, { statement, source });
  }
}

function collectPlpgsql({ parser, found, body, statement, placed, toFile }: Inside): void {
  const toBody = (at: number) => toFile(body.offset + at);
  addComments(parser, found, body, toBody);
  let steps: readonly BodyStep[];
  try {
    steps = stepsOf(parser, parser.parseBody(statement.text), body.text);
  } catch (error) {
    found.gaps.push({ offset: placed.offset, why: `the parser does not know this body: ${messageOf(error)}` });
    return;
  }
  const runs = placed.node && "DoStmt" in placed.node ? placed.runs : "called";
  for (const step of steps) {
    if (step.kind === "unknown") {
      found.gaps.push({ offset: toBody(step.offset), why: step.why });
      continue;
    }
    const source: Source = {
      toFile: (at) => toBody(step.toBody(at)),
      runs,
      isGuarded: placed.isGuarded || step.isGuarded,
      conditions: [...placed.conditions, ...step.conditions],
      container: placed,
    };
    for (const one of parser.parse(step.text)) collect(parser, found, { statement: one, source });
  }
}

function addComments(parser: Parser, found: Collected, body: CodeBody, toFile: (at: number) => number): void {
  if (!body.text.includes("roomctl-ignore")) return;
  for (const { text, offset } of parser.comments(body.text)) found.comments.push({ text, offset: toFile(offset) });
}
