import { effectsOf, effectsOfFile } from "./effects.js";
import { groupBy } from "./group-by.js";
import { perFile } from "./per-file.js";
import type { LintContext, LintRule, LintStatement } from "./rule.js";

/* Names that PostgreSQL shortens, and names that are taken: L29 of the notes. */

const identifierTooLong: LintRule = {
  id: "identifier-too-long",
  topic: "types",
  severity: "warning",
  title: "A name of more than 63 bytes",
  why: [
    "PostgreSQL cuts names off after 63 bytes and only says so in a NOTICE. What looks for the full name in the catalog does not find it, and two names that begin alike become one: IF NOT EXISTS then skips a different object.",
  ],
  safer: "Give it a name of 63 bytes at most; characters beyond ASCII have two to four.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text);",
    bad: "CREATE INDEX IF NOT EXISTS an_index_on_the_email_addresses_of_users_that_is_used_by_the_sign_in_page ON users (email);",
    good: ["CREATE INDEX IF NOT EXISTS users_email_idx ON users (email);"],
  },
  exemptsNewTables: false,
  check(statement, context) {
    const names = longNames(statement.text);
    if (names.length === 0) return [];
    return names.map((name) => {
      const kept = cutOff(name);
      const twin = longNamesByRest(context)
        .get(kept)
        ?.find((other) => other !== name);
      const collision = twin === undefined ? "" : `, and so does ${twin}: they are one name`;
      return {
        message: `${name} becomes ${kept}${collision}`,
        ...(twin === undefined ? {} : { severity: "error" as const }),
      };
    });
  },
};

const duplicateName: LintRule = {
  id: "duplicate-name",
  topic: "idempotence",
  severity: "error",
  title: "The file makes two things of one name",
  why: [
    "The second CREATE fails with 42P07 or 42710, or with IF NOT EXISTS is skipped without an error, so that what it describes is never there.",
  ],
  safer: "Give each its own name.",
  example: {
    before: "CREATE TABLE users (id bigint PRIMARY KEY, email text, name text);",
    bad: "CREATE INDEX IF NOT EXISTS users_idx ON users (email);\nCREATE INDEX IF NOT EXISTS users_idx ON users (name);",
    good: [
      "CREATE INDEX IF NOT EXISTS users_email_idx ON users (email);\nCREATE INDEX IF NOT EXISTS users_name_idx ON users (name);",
    ],
  },
  exemptsNewTables: false,
  check(statement, context) {
    if (statement.runs === "called" || statement.isGuarded) return [];
    return effectsOf(statement, context).flatMap(({ action, key, kind, label, hasGuard }) => {
      if (action !== "create" || key === undefined || replaceable.has(kind)) return [];
      const before = stateBefore(key, context);
      if (before === undefined) return [];
      const outcome = hasGuard ? "is skipped" : "fails";
      return [{ message: `${kind} ${label} is made by an earlier statement of the file: this one ${outcome}` }];
    });
  },
};

const replaceable: ReadonlySet<string> = new Set(["view", "function", "procedure", "aggregate", "trigger", "rule"]);

/** The statement that made it, unless one after that took it away. */
function stateBefore(key: string, context: LintContext): LintStatement | undefined {
  const last = effectsOfFile(context)
    .byKey.get(key)
    ?.findLast(({ index }) => index < context.index);
  if (last?.effect.action !== "create") return undefined;
  // What CASCADE takes along is not known.
  const isTaken = cascades(context).some((index) => index > last.index && index < context.index);
  return isTaken ? undefined : context.statements[last.index];
}

const cascades = perFile((context) =>
  effectsOfFile(context).all.flatMap(({ effect, index }) => (effect.isCascade ? [index] : [])),
);

/** The long names of a file by what PostgreSQL keeps of them. */
const longNamesByRest = perFile(({ statements }) => {
  const names = new Set(statements.flatMap(({ text }) => longNames(text)));
  return groupBy(names, (name) => [cutOff(name)]);
});

/** Names of more than 63 bytes in a text, once each; not those in strings, bodies and comments. */
function longNames(text: string): readonly string[] {
  if (!/[\w$]{64}|"[^"]{64}|[\u0080-\uffff]/.test(text)) return [];
  const names = [...text.matchAll(pieces)].flatMap(
    ({ groups }) => groups?.["quoted"]?.slice(1, -1) ?? groups?.["plain"] ?? [],
  );
  return [...new Set(names.filter((name) => Buffer.byteLength(name) > 63))];
}

const pieces =
  /--[^\n]*|\/\*[\s\S]*?\*\/|\b[eE]'(?:[^'\\]|\\[\s\S]|'')*'|'(?:[^']|'')*'|\$(\w*)\$[\s\S]*?\$\1\$|(?<quoted>"(?:[^"]|"")*")|(?<plain>[\p{L}_][\p{L}\p{N}_$]*)/gu;

/** The first 63 bytes, without half a character. */
function cutOff(name: string): string {
  return new TextDecoder("utf-8").decode(Buffer.from(name).subarray(0, 63)).replace(/\uFFFD+$/, "");
}

export const nameRules: readonly LintRule[] = [identifierTooLong, duplicateName];
