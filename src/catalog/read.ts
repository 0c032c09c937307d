import type { Connection } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { catalogStatement } from "./statement.js";
import { type Dependency, objectId, type Unit, type UnitRow, unitOf } from "./unit.js";

/** One file of sql/catalog for each group of kinds. */
const unitStatements = [
  "schemas",
  "types",
  "functions",
  "operators",
  "search",
  "foreign",
  "sequences",
  "tables",
  "views",
  "indexes",
  "constraints",
  "programs",
  "publications",
];

/** Everything that is written, with its statements. */
export async function readUnits(connection: Connection, major: number): Promise<readonly Unit[]> {
  const units: Unit[] = [];
  for (const name of unitStatements) {
    const rows = await connection.query<UnitRow>(catalogStatement(name, major));
    units.push(...rows.map(unitOf));
  }
  return units;
}

/** Ids of what is written within another's statement. */
export async function readHeld(connection: Connection, major: number): Promise<readonly string[]> {
  const rows = await connection.query<{ catalog: string; object: number }>(catalogStatement("held", major));
  return rows.map(({ catalog, object }) => objectId(catalog, object));
}

interface DependencyRow {
  readonly catalog: string;
  readonly object: number;
  readonly refCatalog: string;
  readonly refObject: number;
  readonly type: string;
}

export async function readDependencies(connection: Connection): Promise<readonly Dependency[]> {
  const rows = await connection.query<DependencyRow>(loadStatement("catalog/dependencies"));
  return rows.map(({ catalog, object, refCatalog, refObject, type }) => ({
    id: objectId(catalog, object),
    referenced: objectId(refCatalog, refObject),
    type,
  }));
}

/** What ALTER and COMMENT call each of the objects, by id. */
export async function readAddresses(
  connection: Connection,
  ids: readonly string[],
): Promise<ReadonlyMap<string, string>> {
  const parts = ids.map((id) => id.split(":"));
  const rows = await connection.query<{ catalog: string; object: number; address: string | null }>(
    loadStatement("catalog/addresses"),
    [parts.map(([catalog]) => catalog), parts.map(([, object]) => Number(object))],
  );
  return new Map(
    rows.flatMap((row) => (row.address === null ? [] : [[objectId(row.catalog, row.object), row.address]])),
  );
}
