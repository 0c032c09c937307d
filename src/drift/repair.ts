import { quoteLiteral } from "../db/identifier.js";
import { type Difference, eitherSide, kindOf } from "./model.js";
import { pasteable } from "./pasteable.js";
import { repairColumn } from "./repair-column.js";

/** What a repair has to name, as SQL writes it. */
export interface RepairTarget {
  /** The live role that migrates. */
  readonly migrator: string;
  readonly database: string;
}

/**
 * SQL on one line that would make the live database as the files have it in this, or null where no plain statements do or
 * data would go with it.
 */
export function repairOf(difference: Difference, target: RepairTarget): string | null {
  const kind = firstWords(difference.key);
  const repair = repairs[kind]?.(difference, target) ?? null;
  return repair === null ? null : pasteable(repair);
}

type Repair = (difference: Difference, target: RepairTarget) => string | null;

const repairs: Readonly<Record<string, Repair>> = {
  index: repairIndex,
  constraint: repairConstraint,
  trigger: repairTrigger,
  column: repairColumn,
  extension: (difference) => (kindOf(difference) === "files-only" ? `CREATE EXTENSION ${nameIn(difference)};` : null),
  schema: (difference) => (kindOf(difference) === "files-only" ? `CREATE SCHEMA ${nameIn(difference)};` : null),
  "connection limit of": ({ files }, { database }) =>
    `ALTER DATABASE ${database} CONNECTION LIMIT ${files?.definition ?? "-1"};`,
  "owner of": repairOwner,
  "privileges on": repairPrivileges,
  "comment on": repairComment,
};

function firstWords(key: string): string {
  return /^(?:connection limit of|owner of|privileges on|comment on|\S+)/.exec(key)?.[0] ?? "";
}

function nameIn({ key }: Difference): string {
  return key.slice(key.indexOf(" ") + 1);
}

function repairIndex(difference: Difference): string | null {
  const { live, files } = difference;
  if (files === undefined) {
    // Of a partitioned table, and its partitions' parts of it: neither goes CONCURRENTLY.
    const isPartitioned = / ON ONLY |\(partition of /.test(live?.definition ?? "");
    return isPartitioned ? null : `DROP INDEX CONCURRENTLY ${nameIn(difference)};`;
  }
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

/** Kinds whose name in SQL is their name in a key. */
const plainKind = /^(table|view|materialized view|foreign table|sequence|schema|function|type|index|language) /;

function repairOwner(difference: Difference, { migrator }: RepairTarget): string | null {
  const object = textOf(eitherSide(difference)?.facts?.["object"]);
  if (object === null || !plainKind.test(object)) return null;
  const role = textOf(difference.files?.facts?.["role"]) ?? migrator;
  return `ALTER ${statementName(object)} OWNER TO ${role};`;
}

function repairPrivileges(difference: Difference, { migrator, database }: RepairTarget): string | null {
  const { facts, belongs } = eitherSide(difference) ?? {};
  const object = textOf(facts?.["object"]) ?? "";
  const target =
    object === "the database"
      ? (list: readonly string[]) => `${list.join(", ")} ON DATABASE ${database}`
      : grantTarget(object, belongs ?? null);
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

/** `materialized view public.kept` → `MATERIALIZED VIEW public.kept`. A function may be a procedure or an aggregate. */
function statementName(object: string): string {
  return object
    .replace(/^function /, "routine ")
    .replace(/^(?:materialized view|foreign table|[a-z]+) /, (kind) => kind.toUpperCase());
}

type Piece = string | number | boolean | null | undefined;

function textOf(piece: Piece): string | null {
  return typeof piece === "string" ? piece : null;
}
