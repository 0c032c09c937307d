import { formatName, type QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { readIfAllowed } from "./allowed.js";

/** What a deletion does beyond its rows. What the role may not read is null. */
export interface WipeEffects {
  /** Only tables that have one, in the order asked for. */
  readonly tables: readonly TableEffects[];
  /** Logical slots of this database. */
  readonly slots: readonly ReplicationSlot[] | null;
  readonly standbys: readonly Standby[] | null;
}

export interface TableEffects {
  readonly table: string;
  /** That fire: TRUNCATE triggers where the whole table goes, DELETE triggers where rows go. */
  readonly triggers: readonly FiredTrigger[];
  /** DELETE triggers that a TRUNCATE leaves silent; 0 where rows go. */
  readonly silentTriggers: number;
  /** Null when they cannot be read. */
  readonly publications: readonly PublishedBy[] | null;
  /** Materialized views that show the old rows until they are refreshed. */
  readonly staleViews: readonly string[];
}

interface FiredTrigger {
  readonly name: string;
  readonly timing: "BEFORE" | "AFTER";
  readonly level: "row" | "statement";
  /** `audit.note_deletion` */
  readonly function: string;
}

interface PublishedBy {
  readonly publication: string;
  /** False when subscribers keep what is deleted here: the publication leaves out truncate, or delete where rows go. */
  readonly sendsDeletion: boolean;
}

export interface ReplicationSlot {
  readonly name: string;
  readonly plugin: string;
  readonly isActive: boolean;
  /** `reserved`, `extended`, `unreserved` or `lost`. */
  readonly walStatus: string | null;
  /** Log that the server keeps for it. */
  readonly retainedBytes: number | null;
}

export interface Standby {
  readonly name: string;
  readonly address: string | null;
  readonly state: string | null;
  readonly syncState: string | null;
  /** Log that it has yet to replay, and for how long it lags behind. */
  readonly lagBytes: number | null;
  readonly lagMs: number | null;
}

/**
 * What emptying these tables (`tables`), or deleting some of their rows (`rows`), sets off. Partitions count as tables of
 * their own: give their oids too. Runs inside a transaction, which goes on where the role may not read something.
 */
export async function readEffects(
  connection: Connection,
  oids: readonly number[],
  kind: "tables" | "rows",
): Promise<WipeEffects> {
  const names = await connection.query<NameRow>(loadStatement("wipe/names"), [oids]);
  const triggers = groupByOid(await connection.query<TriggerRow>(loadStatement("wipe/triggers"), [oids]));
  const views = groupByOid(await connection.query<NameRow>(loadStatement("wipe/materialized-views"), [oids]));
  const published = await readIfAllowed<PublicationRow>(connection, loadStatement("wipe/publications"), [oids]);
  const publications = published && groupByOid(published);
  const described = names.map((name) => ({
    table: formatName(name),
    ...describeTriggers(triggers.get(name.oid) ?? [], kind),
    publications: publications && (publications.get(name.oid) ?? []).map((row) => describePublication(row, kind)),
    staleViews: (views.get(name.oid) ?? []).map(formatName),
  }));
  return { tables: described.filter(hasEffect), ...(await readReplication(connection)) };
}

interface OfTable {
  readonly oid: number;
}

interface TriggerRow extends OfTable {
  readonly name: string;
  readonly timing: FiredTrigger["timing"];
  readonly level: FiredTrigger["level"];
  readonly onTruncate: boolean;
  readonly onDelete: boolean;
  readonly functionSchema: string;
  readonly functionName: string;
}

interface NameRow extends OfTable, QualifiedName {}

interface PublicationRow extends OfTable {
  readonly name: string;
  readonly sendsDelete: boolean;
  readonly sendsTruncate: boolean;
}

function groupByOid<Row extends OfTable>(rows: readonly Row[]): ReadonlyMap<number, readonly Row[]> {
  const groups = new Map<number, Row[]>();
  for (const row of rows) {
    const group = groups.get(row.oid);
    if (group) group.push(row);
    else groups.set(row.oid, [row]);
  }
  return groups;
}

function describeTriggers(rows: readonly TriggerRow[], kind: "tables" | "rows") {
  const fired = rows.filter(({ onTruncate, onDelete }) => (kind === "tables" ? onTruncate : onDelete));
  return {
    triggers: fired.map(({ name, timing, level, functionSchema, functionName }) => ({
      name,
      timing,
      level,
      function: formatName({ schema: functionSchema, name: functionName }),
    })),
    silentTriggers: kind === "tables" ? rows.filter(({ onTruncate }) => !onTruncate).length : 0,
  };
}

function describePublication({ name, sendsDelete, sendsTruncate }: PublicationRow, kind: "tables" | "rows") {
  return { publication: name, sendsDeletion: kind === "tables" ? sendsTruncate : sendsDelete };
}

function hasEffect({ triggers, silentTriggers, publications, staleViews }: TableEffects): boolean {
  return triggers.length > 0 || silentTriggers > 0 || (publications?.length ?? 1) > 0 || staleViews.length > 0;
}

async function readReplication(connection: Connection): Promise<Pick<WipeEffects, "slots" | "standbys">> {
  const end = await readIfAllowed<{ logEnd: string }>(connection, loadStatement("wipe/log-end"));
  const logEnd = [end?.[0]?.logEnd ?? null];
  return {
    slots: await readIfAllowed<ReplicationSlot>(connection, loadStatement("wipe/slots"), logEnd),
    standbys: await readIfAllowed<Standby>(connection, loadStatement("wipe/standbys"), logEnd),
  };
}
