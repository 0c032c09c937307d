import type { Connection } from "../db/pool.js";
import { readSchema, type SchemaFact } from "../db/snapshot.js";
import { snapshotObjectsStatement } from "../db/snapshot-statement.js";
import { unsupported } from "./refuse.js";
import { labelSettings, withSettings } from "./settings.js";
import { catalogStatement } from "./statement.js";
import { objectId } from "./unit.js";

/** The snapshot leaves roomctl's own schema out; a backup does not. */
const ownSchemas = ["roomctl"];

/** What a fact says that nothing here can make again. */
const unwritable: readonly { readonly kind: string; readonly definition: RegExp; readonly why: string }[] = [
  { kind: "constraint", definition: /\(triggers disabled\)$/, why: "its triggers are disabled" },
  { kind: "table", definition: /\bdetach pending\b/, why: "its DETACH has not ended" },
];

/**
 * Kinds of facts that are written, each as the snapshot's keys begin. What begins otherwise is refused: a kind that a
 * snapshot learns to tell of is refused until somebody writes it.
 */
export const writtenKinds: readonly string[] = [
  "access method",
  "cast",
  "collation",
  "column",
  "comment on",
  "connection limit of the database",
  "constraint",
  "conversion",
  "default privileges of",
  "event trigger",
  "extension",
  "foreign data wrapper",
  "foreign table",
  "function",
  "index",
  "language",
  "materialized view",
  "operator",
  "owner of",
  "policy",
  "privileges on",
  "publication",
  "rule",
  "schema",
  "sequence",
  "server",
  "setting",
  "statistics",
  "table",
  "text search configuration",
  "text search dictionary",
  "text search parser",
  "text search template",
  "transform",
  "trigger",
  "type",
  "user mapping for",
  "view",
];

export interface Coverage {
  /** Of the server. */
  readonly major: number;
  /** What people call an object, by id. */
  readonly labels: ReadonlyMap<string, string>;
  /** Objects that are not written, each with the reason where there is one. */
  readonly refused: readonly string[];
}

/** Reads what there is, with the session's own settings, and refuses kinds and states that nothing writes. */
export async function readCoverage(connection: Connection): Promise<Coverage> {
  const readings = [await readSchema(connection), await readSchema(connection, { schemas: ownSchemas })];
  const version = readings[0]?.serverVersion ?? 0;
  const unread = readings.flatMap((reading) => reading.unread);
  if (unread.length > 0)
    throw unsupported([...new Set(unread)].map((catalog) => `${catalog} (this role may not read it)`));
  const refused = readings.flatMap(({ facts }) => facts.flatMap(refusalOf));
  return {
    major: Math.floor(version / 10_000),
    labels: await withSettings(connection, labelSettings, () => readLabels(connection, version)),
    refused,
  };
}

/** Why a fact is refused, if it is. Pure. */
export function refusalOf({ key, definition }: Pick<SchemaFact, "key" | "definition">): readonly string[] {
  if (!writtenKinds.some((kind) => key === kind || key.startsWith(`${kind} `))) return [key];
  const found = unwritable.find((rule) => key.startsWith(`${rule.kind} `) && rule.definition.test(definition));
  return found === undefined ? [] : [`${key} (${found.why})`];
}

interface LabelRow {
  readonly catalog: string;
  readonly object: number;
  readonly label: string;
}

async function readLabels(connection: Connection, version: number): Promise<ReadonlyMap<string, string>> {
  const rows: LabelRow[] = [];
  for (const schemas of [null, ownSchemas]) {
    rows.push(...(await connection.query<LabelRow>(snapshotObjectsStatement(version), [schemas, null])));
  }
  return new Map(rows.map(({ catalog, object, label }) => [objectId(catalog, object), label]));
}

interface UnwritableRow {
  readonly catalog: string;
  readonly object: number;
  /** Of what a snapshot does not tell of. */
  readonly label: string | null;
  readonly why: string;
}

/** Throws E_UNSUPPORTED when an object of a covered kind is not written all the same. */
export async function requireCoverage(
  connection: Connection,
  { labels, refused, major }: Coverage,
  isWritten: (id: string) => boolean,
): Promise<void> {
  const rows = await withSettings(connection, labelSettings, () =>
    connection.query<UnwritableRow>(catalogStatement("unwritable", major)),
  );
  const reasons = rows.map(({ catalog, object, label, why }) => {
    const id = objectId(catalog, object);
    return `${label ?? labels.get(id) ?? id} (${why})`;
  });
  const explained = [...refused, ...reasons];
  const missing = [...labels].flatMap(([id, label]) => (isWritten(id) || isAlwaysThere(id) ? [] : [label]));
  const unexplained = missing.filter(
    (label) => !explained.some((line) => line === label || line.startsWith(`${label} (`)),
  );
  const all = new Set([...explained, ...unexplained]);
  if (all.size > 0) throw unsupported([...all].sort());
}

/** The database itself, and languages that come with the server and only have other privileges. */
function isAlwaysThere(id: string): boolean {
  const [catalog, object] = id.split(":");
  return catalog === "pg_database" || (catalog === "pg_language" && Number(object) < 16_384);
}
