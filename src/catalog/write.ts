import type { Connection } from "../db/pool.js";
import { type Additions, readAdditions } from "./additions.js";
import { readCoverage, requireCoverage } from "./coverage.js";
import { readDatabaseStatements } from "./database.js";
import { orderUnits } from "./order.js";
import { writtenTest } from "./owners.js";
import { readDependencies, readHeld, readUnits } from "./read.js";
import { readingSettings, scriptSettings, withSettings } from "./settings.js";
import type { Unit } from "./unit.js";

/** Two scripts in pg_dump's manner; each statement ends with a semicolon and a newline. */
export interface SchemaScripts {
  /** What rows need: to be run before them, on an empty database. */
  readonly preData: string;
  /** What would be in their way, and what is checked once they are there. */
  readonly postData: string;
}

/**
 * Writes the schema of a database from its catalog: every object of every schema but the system's, as docs/backup-catalog.md
 * lists them. Names are qualified and quoted. Throws E_UNSUPPORTED naming each object that it cannot write.
 */
export async function writeSchema(connection: Connection): Promise<SchemaScripts> {
  const coverage = await readCoverage(connection);
  return withSettings(connection, readingSettings, async () => {
    const dependencies = await readDependencies(connection);
    const labelOf = (id: string) => {
      const [object = "", part = ""] = id.split("/");
      return `${coverage.labels.get(object) ?? object} ${part}`.trimEnd();
    };
    const units = await readUnits(connection, coverage.major);
    const held = await readHeld(connection, coverage.major);
    await requireCoverage(connection, coverage, writtenTest({ units, dependencies, held }));
    const ordered = orderUnits(units, dependencies, { labelOf });
    const additions = await readAdditions(connection, { ordered, dependencies, major: coverage.major });
    const database = await readDatabaseStatements(connection);
    const { beforeRows, afterRows } = additions.rights;
    return {
      preData: script([...database.first, ...statementsOf(ordered.preData, additions), ...beforeRows]),
      postData: script([...statementsOf(ordered.postData, additions), ...afterRows, ...database.last]),
    };
  });
}

function statementsOf(units: readonly Unit[], { byUnit }: Additions): readonly string[] {
  return units.flatMap(({ id, statements }) => [...statements, ...(byUnit.get(id) ?? [])]);
}

function script(statements: readonly string[]): string {
  return [...scriptSettings, ...statements].map((statement) => `${statement};\n`).join("");
}
