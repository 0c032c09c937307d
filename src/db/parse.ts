import type { Node, ParseResult } from "libpg-query";
import { messageOf } from "../core/errors.js";
import { type Positions, positionsIn } from "./position.js";
import { afterBlanks, type SqlStatement, splitStatements } from "./statements.js";

export type { Node } from "libpg-query";

/** A statement with its syntax tree, as PostgreSQL's own parser makes it. */
export interface ParsedStatement extends SqlStatement {
  /** Undefined when the parser does not know the statement: the server may, and decides. */
  readonly node: Node | undefined;
  /** Why there is no tree. */
  readonly problem: string | null;
  /** Where the blanks and comments before its first word begin, after the semicolon of the statement before it. */
  readonly regionOffset: number;
  /** The UTF-16 offset in the file of a `location` in the tree. */
  readonly offsetOf: (location: number) => number;
}

/** PostgreSQL 18's parser, loaded; from here on everything is synchronous. */
export interface Parser {
  /**
   * The statements of a file, split where PostgreSQL's grammar splits them. When it does not know one of them, the file is
   * split by psql's rules instead, and each statement parsed by itself, so that one does not hide the others.
   */
  parse(sql: string): readonly ParsedStatement[];
  /** The tree of a DO block, or of CREATE FUNCTION in PL/pgSQL, given as the statement's text. Throws on what it does not know. */
  parseBody(statement: string): unknown;
  /** The comments of a text, with UTF-16 offsets. A text that cannot be scanned has none. */
  comments(sql: string): readonly SqlComment[];
}

export interface SqlComment {
  readonly text: string;
  readonly offset: number;
}

/** Loads the parser, a WebAssembly module: about 60 ms the first time, so only when something is to be parsed. */
export async function loadParser(): Promise<Parser> {
  const library = await import("libpg-query");
  await library.loadModule();
  const { parseSync, parsePlPgSQLSync, scanSync } = library;
  return {
    parse(sql) {
      if (sql.trim() === "") return [];
      try {
        return parseWhole(sql, parseSync(bounded(sql)));
      } catch {
        return splitStatements(sql).map((statement, index, all) =>
          parseOne(parseSync, sql, { statement, before: all[index - 1] }),
        );
      }
    },
    parseBody: parsePlPgSQLSync,
    comments(sql) {
      try {
        const { fromByte } = positionsIn(sql);
        const tokens = scanSync(sql).tokens.filter(({ tokenName }) => /COMMENT$/.test(tokenName));
        return tokens.map(({ start, end }) => ({
          text: sql.slice(fromByte(start), fromByte(end)),
          offset: fromByte(start),
        }));
      } catch {
        return [];
      }
    },
  };
}

/** Beyond this the parser runs out of memory, and says so on stdout. */
const longestText = 32 * 1024 * 1024;

function bounded(sql: string): string {
  if (sql.length <= longestText) return sql;
  throw new Error(`it is longer than ${longestText / 1024 / 1024} MiB`);
}

function parseWhole(sql: string, { stmts }: ParseResult): readonly ParsedStatement[] {
  const positions: Positions = positionsIn(sql);
  let regionOffset = 0;
  return (stmts ?? []).flatMap(({ stmt, stmt_location: location = 0, stmt_len: length }) => {
    if (stmt === undefined) return [];
    const start = positions.fromByte(location);
    // A length is missing when nothing ends the statement but the end of the file.
    const end = length ? positions.fromByte(location + length) : sql.length;
    // The location is that of the first word, or of the blanks before it: both have been seen.
    const offset = afterBlanks(sql, start);
    const statement: ParsedStatement = {
      text: sql.slice(offset, end).trimEnd(),
      offset,
      line: positions.at(offset).line,
      node: stmt,
      problem: null,
      regionOffset,
      offsetOf: positions.fromByte,
    };
    regionOffset = Math.min(end + 1, sql.length);
    return [statement];
  });
}

interface Alone {
  readonly statement: SqlStatement;
  readonly before: SqlStatement | undefined;
}

function parseOne(parseSync: (sql: string) => ParseResult, sql: string, { statement, before }: Alone): ParsedStatement {
  const end = before ? before.offset + before.text.length : 0;
  const regionOffset = before ? sql.indexOf(";", end) + 1 : 0;
  const { fromByte } = positionsIn(statement.text);
  const offsetOf = (location: number) => statement.offset + fromByte(location);
  const placed = { ...statement, regionOffset, offsetOf };
  try {
    return { ...placed, node: parseSync(bounded(statement.text)).stmts?.[0]?.stmt, problem: null };
  } catch (error) {
    return { ...placed, node: undefined, problem: messageOf(error) };
  }
}
