import { quoteLiteral } from "../db/identifier.js";
import { type Difference, eitherSide, kindOf } from "./model.js";

/**
 * SQL that would make the live database as the files have it, or null where it takes more than one plain statement or
 * would take data with it. `migrator` is the live name of the role that migrates.
 */
export function repairOf(difference: Difference, migrator: string): string | null {
  const kind = firstWords(difference.key);
  return repairs[kind]?.(difference, migrator) ?? null;
}

type Repair = (difference: Difference, migrator: string) => string | null;

const repairs: Readonly<Record<string, Repair>> = {
  index: repairIndex,
  constraint: repairConstraint,
  trigger: repairTrigger,
  column: repairColumn,
  extension: (difference) => (kindOf(difference) === "files-only" ? `CREATE EXTENSION ${nameIn(difference)};` : null),
  schema: (difference) => (kindOf(difference) === "files-only" ? `CREATE SCHEMA ${nameIn(difference)};` : null),
  "owner of": repairOwner,
  "privileges on": repairPrivileges,
  "comment on": repairComment,
};

function firstWords(key: string): string {
  return /^(?:owner of|privileges on|comment on|\S+)/.exec(key)?.[0] ?? "";
}

function nameIn({ key }: Difference): string {
  return key.slice(key.indexOf(" ") + 1);
}

function repairIndex(difference: Difference): string | null {
  const { live, files } = difference;
  if (files === undefined) return `DROP INDEX CONCURRENTLY ${nameIn(difference)};`;
  const create = textOf(files.facts?.["create"]);
  // Beyond its CREATE INDEX it has a tablespace, say, or is a partition's: more than one statement.
  if (live !== undefined || create === null || create !== files.definition || create.includes(" ON ONLY ")) return null;
  return `${create.replace(/^CREATE (UNIQUE )?INDEX /, "CREATE $1INDEX CONCURRENTLY ")};`;
}

function repairConstraint(difference: Difference): string | null {
  const { belongs, facts } = eitherSide(difference) ?? {};
  const alter = `ALTER ${facts?.["on"]} ${belongs}`;
  const drop = difference.live === undefined ? [] : [`DROP CONSTRAINT ${facts?.["name"]}`];
  const add =
    difference.files === undefined ? [] : [`ADD CONSTRAINT ${facts?.["name"]} ${difference.files.definition}`];
  if (/\((?:inherited|triggers disabled)\)$/.test(`${difference.live?.definition} ${difference.files?.definition}`))
    return null;
  return facts?.["on"] === "TABLE" ? `${alter} ${[...drop, ...add].join(", ")};` : null;
}

function repairTrigger({ live, files }: Difference): string | null {
  if (files === undefined) return `DROP TRIGGER ${live?.facts?.["name"]} ON ${live?.belongs};`;
  const create = textOf(files.facts?.["create"]);
  return live === undefined && create === files.definition ? `${create};` : null;
}

function repairColumn({ live, files }: Difference): string | null {
  if (files === undefined || files.facts?.["kind"] !== "table") return null;
  const table = `ALTER TABLE ${files.belongs}`;
  const name = files.facts["name"];
  if (live === undefined) return `${table} ADD COLUMN ${name} ${files.definition};`;
  const changes = [
    change(live.facts?.["type"], files.facts["type"], (type) => `TYPE ${type}`),
    change(live.facts?.["default"], files.facts["default"], (value) =>
      value === null ? "DROP DEFAULT" : `SET DEFAULT ${value}`,
    ),
    change(Boolean(live.facts?.["notNull"]), Boolean(files.facts["notNull"]), (is) =>
      is ? "SET NOT NULL" : "DROP NOT NULL",
    ),
    change(
      live.facts?.["storage"],
      files.facts["storage"],
      (storage) => `SET STORAGE ${storage ?? files.facts?.["standardStorage"]}`,
    ),
  ].flat();
  if (changes.length === 0) return null;
  return `${table} ${changes.map((what) => `ALTER COLUMN ${name} ${what}`).join(", ")};`;
}

type Piece = string | number | boolean | null | undefined;

function change<T extends Piece>(live: T, files: T, words: (files: T) => string): readonly string[] {
  return live === files ? [] : [words(files)];
}

/** Kinds whose name in SQL is their name in a key. */
const plainKind = /^(table|view|materialized view|foreign table|sequence|schema|function|type|index) /;

function repairOwner(difference: Difference, migrator: string): string | null {
  const object = textOf(eitherSide(difference)?.facts?.["object"]);
  if (object === null || !plainKind.test(object)) return null;
  const role = textOf(difference.files?.facts?.["role"]) ?? migrator;
  return `ALTER ${statementName(object)} OWNER TO ${role};`;
}

function repairPrivileges(difference: Difference, migrator: string): string | null {
  const { facts, belongs } = eitherSide(difference) ?? {};
  const target = grantTarget(textOf(facts?.["object"]) ?? "", belongs ?? null);
  const role = textOf(facts?.["role"]);
  // A side that says nothing has what every such object has.
  const live = privileges(difference.live?.definition ?? textOf(facts?.["standard"]));
  const files = privileges(difference.files?.definition ?? textOf(facts?.["standard"]));
  const missing = files.filter((privilege) => !live.includes(privilege));
  const extra = live.filter((privilege) => !files.includes(privilege));
  if (target === null || role === null || role === "owner") return null;
  if ([...missing, ...extra].some((privilege) => / with | by /.test(privilege))) return null;
  const grantee = role === "public" ? "PUBLIC" : role === "<migrator>" ? migrator : role;
  return [
    ...(missing.length > 0 ? [`GRANT ${target(missing)} TO ${grantee};`] : []),
    ...(extra.length > 0 ? [`REVOKE ${target(extra)} FROM ${grantee};`] : []),
  ].join(" ");
}

function privileges(text: string | null): readonly string[] {
  return text === null || text === "none" ? [] : text.split(", ");
}

function grantTarget(object: string, table: string | null): ((privileges: readonly string[]) => string) | null {
  if (object.startsWith(`column ${table}.`)) {
    const column = object.slice(`column ${table}.`.length);
    return (list) => `${list.map((privilege) => `${privilege} (${column})`).join(", ")} ON TABLE ${table}`;
  }
  if (!plainKind.test(object)) return null;
  const name = statementName(object).replace(/^(?:MATERIALIZED VIEW|FOREIGN TABLE|VIEW) /, "TABLE ");
  return (list) => `${list.join(", ")} ON ${name}`;
}

function repairComment(difference: Difference): string | null {
  const object = textOf(eitherSide(difference)?.facts?.["object"]);
  if (object === null || (!/^column /.test(object) && !plainKind.test(object))) return null;
  const text = difference.files === undefined ? "NULL" : quoteLiteral(difference.files.definition);
  return `COMMENT ON ${statementName(object)} IS ${text};`;
}

/** `materialized view public.kept` → `MATERIALIZED VIEW public.kept`. */
function statementName(object: string): string {
  return object.replace(/^(?:materialized view|foreign table|[a-z]+) /, (kind) => kind.toUpperCase());
}

function textOf(piece: Piece): string | null {
  return typeof piece === "string" ? piece : null;
}
