import { readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, RoomctlError } from "../core/errors.js";
import type { Node, ParsedStatement, Parser, SqlComment } from "../db/parse.js";
import { codeOf } from "../db/sqlstate.js";
import { readSqlFile } from "../migrate/files.js";
import { namedParameterOf, parametersOf } from "./tree.js";

/** A query of the previous release. */
export interface CompatQuery {
  /** From a `-- name: x` or a pgtyped `@name x` comment before it, else where it stands: `queries.sql:12`. */
  readonly name: string;
  /** The file it stands in, or `pg_stat_statements`. */
  readonly source: string;
  /** From 1; null when it comes from no file. */
  readonly line: number | null;
  /** How often the target ran it, where that is known. */
  readonly calls: number | null;
  readonly sql: string;
  readonly node: Node;
  /** Where each `$n` stands, as UTF-16 offsets in `sql`. */
  readonly parameters: readonly { readonly number: number; readonly offset: number }[];
  /** The text was normalised by pg_stat_statements, which may have taken a constant that PostgreSQL must see. */
  readonly isNormalised: boolean;
}

export interface SkippedQuery {
  readonly name: string;
  readonly source: string;
  readonly line: number | null;
  readonly reason: string;
}

export interface QuerySet {
  readonly queries: readonly CompatQuery[];
  readonly skipped: readonly SkippedQuery[];
}

/** The queries of SQL files, and of the `.sql` files in folders and below. Throws E_FILE, or E_USAGE when there is none. */
export function readQueryFiles(parser: Parser, paths: readonly string[]): QuerySet {
  const files = new Map(paths.flatMap(sqlFilesIn).map((file) => [file.path, file]));
  const sets = [...files.values()].map((file) => readQueryFile(parser, file));
  const set = { queries: sets.flatMap(({ queries }) => queries), skipped: sets.flatMap(({ skipped }) => skipped) };
  if (set.queries.length > 0) return set;
  const why = set.skipped[0] ? `: ${set.skipped[0].name} is skipped, ${set.skipped[0].reason}` : "";
  throw new RoomctlError("E_USAGE", `there is no query to check in ${paths.join(", ")}${why}`, {
    hint: "give SQL files with one query after the other: roomctl migrate compat --queries FILE",
  });
}

/** The query that a statement is, or the reason why it is none. */
export function queryOf(
  { node, problem, text, offset, offsetOf }: ParsedStatement,
  origin: Pick<CompatQuery, "name" | "source" | "line" | "calls" | "isNormalised">,
): QuerySet {
  const reason = node === undefined ? unparsed(text, problem) : reasonToSkip(node, text);
  const { name, source, line } = origin;
  if (node === undefined || reason !== undefined) {
    return { queries: [], skipped: [{ name, source, line, reason: reason ?? "PostgreSQL's parser does not know it" }] };
  }
  const parameters = parametersOf(node).map(({ number, location }) => ({
    number,
    offset: offsetOf(location) - offset,
  }));
  return { queries: [{ ...origin, sql: text, node, parameters }], skipped: [] };
}

interface FoundFile {
  readonly path: string;
  /** Found in a folder, and not named: that it is gone since is nobody's mistake. */
  readonly isFound: boolean;
}

function sqlFilesIn(path: string): readonly FoundFile[] {
  const isFolder = reading(path, () => statSync(path).isDirectory());
  return isFolder ? sqlFilesBelow(path).map((found) => ({ path: found, isFound: true })) : [{ path, isFound: false }];
}

function sqlFilesBelow(folder: string): readonly string[] {
  const entries = reading(folder, () => readdirSync(folder, { withFileTypes: true }));
  const sorted = [...entries].sort((a, b) => (a.name < b.name ? -1 : 1));
  return sorted.flatMap((entry) => {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) return unlessGone(() => sqlFilesBelow(path)) ?? [];
    return /\.sql$/i.test(entry.name) && !entry.isSocket() && !entry.isFIFO() ? [path] : [];
  });
}

function reading<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new RoomctlError("E_FILE", `cannot read ${path}: ${messageOf(cause)}`, {
      hint: "look at its path and rights, or name the files one by one with --queries FILE",
      cause,
    });
  }
}

/** Undefined for what vanished between being listed and being read. */
function unlessGone<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const cause = error instanceof RoomctlError ? error.cause : error;
    if (codeOf(cause) === "ENOENT") return undefined;
    throw error;
  }
}

function readQueryFile(parser: Parser, { path, isFound }: FoundFile): QuerySet {
  const read = () => readSqlFile(path).sql;
  const sql = isFound ? unlessGone(read) : read();
  if (sql === undefined) {
    return {
      queries: [],
      skipped: [{ name: path, source: path, line: null, reason: "it is gone since its folder was listed" }],
    };
  }
  const comments = parser.comments(sql);
  const sets = parser.parse(sql).map((statement, index, all) => {
    const end = endOf(all[index - 1]);
    const before = comments.filter(({ offset }) => offset >= end && offset < statement.offset);
    const name = nameIn(before) ?? `${path}:${statement.line}`;
    return queryOf(statement, { name, source: path, line: statement.line, calls: null, isNormalised: false });
  });
  return { queries: sets.flatMap(({ queries }) => queries), skipped: sets.flatMap(({ skipped }) => skipped) };
}

/** As sqlc (`-- name: GetUser :one`) and pgtyped (a block comment with `@name GetUser`) write it; the last one counts. */
const namePattern = /(?:^--\s*name:|@name)\s*([\p{L}\p{N}_.$-]+)/u;

function nameIn(comments: readonly SqlComment[]): string | undefined {
  return comments.map(({ text }) => namePattern.exec(text)?.[1]).findLast((name) => name !== undefined);
}

function endOf(statement: ParsedStatement | undefined): number {
  return statement === undefined ? 0 : statement.offset + statement.text.length;
}

function unparsed(text: string, problem: string | null): string {
  const named = /(?<![:\w]):([a-z_]\w*)/i.exec(text)?.[1];
  if (named !== undefined) return `:${named} is a named parameter of pgtyped, which PostgreSQL does not know: write $1`;
  return `it does not parse: ${problem ?? "unknown statement"}`;
}

const queryKinds = ["SelectStmt", "InsertStmt", "UpdateStmt", "DeleteStmt", "MergeStmt"];

/** Only what EXPLAIN plans without running it, and what leaves nothing behind, is tried at all. */
function reasonToSkip(node: Node, text: string): string | undefined {
  if (!queryKinds.some((kind) => kind in node)) {
    const word = text.split(/[\s(;]/, 1)[0]?.toUpperCase();
    return `${word} is no SELECT, INSERT, UPDATE, DELETE, MERGE or VALUES`;
  }
  if ("SelectStmt" in node && node.SelectStmt.intoClause !== undefined) return "SELECT INTO makes a table";
  const named = namedParameterOf(node);
  return named === undefined
    ? undefined
    : `${named} is a named parameter of sqlc, which PostgreSQL does not know: write $1`;
}
