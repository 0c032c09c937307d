import type { SchemaFact } from "../db/snapshot.js";
import type { Difference } from "./model.js";

/** Makes a live column as the files have it, in one ALTER TABLE, or null where that cannot make all of it so. */
export function repairColumn({ live, files }: Difference): string | null {
  if (files === undefined || files.facts?.["kind"] !== "table") return null;
  const wanted = columnOf(files);
  const changes = live === undefined ? additionOf(wanted) : changesOf(columnOf(live), wanted);
  return changes === null || changes.length === 0 ? null : `ALTER TABLE ${files.belongs} ${changes.join(", ")};`;
}

/** The pieces of a column; null is what every column of its type has. */
interface Column {
  readonly name: string;
  readonly type: string;
  readonly collation: string | null;
  /** `not null`, and more where the constraint behind it has a name of its own. */
  readonly notNull: string | null;
  readonly default: string | null;
  readonly storage: string | null;
  readonly standardStorage: string;
  readonly compression: string | null;
  readonly statistics: string | null;
  /** Identity, generation, inheritance, options. */
  readonly others: string;
}

function columnOf({ facts }: SchemaFact): Column {
  const piece = (name: string) => (facts?.[name] === null || facts?.[name] === undefined ? null : String(facts[name]));
  return {
    name: piece("name") ?? "",
    type: piece("type") ?? "",
    collation: piece("collation"),
    notNull: piece("notNull"),
    default: piece("default"),
    storage: piece("storage"),
    standardStorage: piece("standardStorage") ?? "",
    compression: piece("compression"),
    statistics: piece("statistics"),
    others: piece("others") ?? "",
  };
}

function additionOf(wanted: Column): readonly string[] | null {
  if (wanted.others !== "" || !isPlainNotNull(wanted)) return null;
  const definition = [
    typeOf(wanted),
    ...(wanted.default === null ? [] : [`DEFAULT ${wanted.default}`]),
    ...(wanted.notNull === null ? [] : ["NOT NULL"]),
  ];
  // ADD COLUMN runs before what alters the new column.
  return [`ADD COLUMN ${wanted.name} ${definition.join(" ")}`, ...storageChanges(bare, wanted)];
}

const bare = { storage: null, compression: null, statistics: null };

function changesOf(live: Column, wanted: Column): readonly string[] | null {
  const isNullChanged = live.notNull !== wanted.notNull;
  const isOnlyRenamed = live.notNull !== null && wanted.notNull !== null;
  if (live.others !== wanted.others || (isNullChanged && (isOnlyRenamed || !isPlainNotNull(wanted)))) return null;
  const isRetyped = live.type !== wanted.type || live.collation !== wanted.collation;
  const alter = `ALTER COLUMN ${wanted.name}`;
  const isDefaultInTheWay = isRetyped && live.default !== null;
  return [
    // A default of the old type may have no way to the new one.
    ...(isDefaultInTheWay ? [`${alter} DROP DEFAULT`] : []),
    ...(isRetyped ? [`${alter} TYPE ${typeOf(wanted)}`] : []),
    ...defaultChanges(isDefaultInTheWay ? null : live.default, wanted),
    ...(isNullChanged ? [`${alter} ${wanted.notNull === null ? "DROP" : "SET"} NOT NULL`] : []),
    // Another type takes the storage and compression of before away.
    ...storageChanges(isRetyped ? { ...bare, statistics: live.statistics } : live, wanted),
  ];
}

const isPlainNotNull = ({ notNull }: Column) => notNull === null || notNull === "not null";

function typeOf({ type, collation }: Column): string {
  return collation === null ? type : `${type} COLLATE ${collation}`;
}

function defaultChanges(live: string | null, { name, default: wanted }: Column): readonly string[] {
  if (live === wanted) return [];
  return [`ALTER COLUMN ${name} ${wanted === null ? "DROP DEFAULT" : `SET DEFAULT ${wanted}`}`];
}

function storageChanges(
  live: Pick<Column, "storage" | "compression" | "statistics">,
  { name, storage, standardStorage, compression, statistics }: Column,
): readonly string[] {
  const changes = [
    ...(live.storage === storage ? [] : [`SET STORAGE ${storage ?? standardStorage}`]),
    ...(live.compression === compression ? [] : [`SET COMPRESSION ${compression ?? "default"}`]),
    ...(live.statistics === statistics ? [] : [`SET STATISTICS ${statistics ?? -1}`]),
  ];
  return changes.map((change) => `ALTER COLUMN ${name} ${change}`);
}
