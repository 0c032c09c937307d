import type { StateEntry } from "../core/catalogue.js";
import { formatName, isSameName, parseName, type QualifiedName } from "../db/identifier.js";
import type { Connection } from "../db/pool.js";
import { type Attempt, attemptRead } from "./attempt.js";
import type { AuditFacts, AuditTable } from "./facts.js";
import type { Finding } from "./finding.js";
import { type RowFacts, readRows } from "./rows.js";
import type { AuditScope } from "./scope.js";
import { findShape, shapeFindings } from "./shape.js";
import { memoryFindings, missingColumnFindings, missingTableFinding, reportState, type StateReport } from "./states.js";
import { unloggedFinding } from "./tables.js";
import { hiddenRowsFinding, unreadFinding } from "./unread.js";

export interface CatalogueOptions {
  readonly facts: AuditFacts;
  readonly scope: AuditScope;
  readonly estimate?: boolean;
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

export interface CatalogueAudit {
  readonly states: readonly StateReport[];
  readonly findings: readonly Finding[];
}

/** One table that the app needs, with everything that was found out about it. */
interface ExpectedTable {
  readonly name: QualifiedName;
  readonly entries: readonly StateEntry[];
  readonly table?: AuditTable;
  readonly rows?: Attempt<RowFacts>;
}

/** Holds the catalogue against the database: a report for each state, and findings for each table that the app needs. */
export async function auditCatalogue(connection: Connection, options: CatalogueOptions): Promise<CatalogueAudit> {
  const { scope } = options;
  const tables = await readExpectedTables(connection, options);
  const states = scope.entries.map((entry) => {
    const found = entry.table === undefined ? undefined : findExpected(tables, entry.table);
    return reportState(entry, {
      table: found?.table,
      shape: found && findShape(scope.app, found.name),
      rows: found?.rows,
      isEstimate: options.estimate === true,
    });
  });
  const findings = [
    ...scope.entries.flatMap(memoryFindings),
    ...tables.flatMap((expected) => expectedFindings(expected, options)),
  ];
  return { states, findings };
}

function findExpected(tables: readonly ExpectedTable[], name: string): ExpectedTable | undefined {
  const parsed = parseName(name);
  return tables.find((expected) => isSameName(expected.name, parsed));
}

/** Tables of states are counted; those that only have a shape are looked up. */
async function readExpectedTables(
  connection: Connection,
  options: CatalogueOptions,
): Promise<readonly ExpectedTable[]> {
  const wanted = expectedTables(options.scope);
  const tables: ExpectedTable[] = [];
  for (const [index, { name, entries }] of wanted.entries()) {
    const table = options.facts.tables.find((candidate) => isSameName(candidate, name));
    options.onProgress?.({ message: `reading ${formatName(name)}`, done: index, total: wanted.length });
    const rows =
      table && entries.length > 0
        ? await attemptRead(connection, () => readRows(connection, table, options.estimate === true))
        : undefined;
    tables.push({ name, entries, table, rows });
  }
  return tables;
}

function expectedTables({ app, entries, has }: AuditScope): readonly Pick<ExpectedTable, "name" | "entries">[] {
  const named = [...entries.flatMap(({ table }) => table ?? []), ...Object.keys(app.shapes)];
  const byName = new Map(
    named
      .map(parseName)
      .filter(has)
      .map((name) => [JSON.stringify(name), name]),
  );
  return [...byName.values()].map((name) => ({
    name,
    entries: entries.filter(({ table }) => table !== undefined && isSameName(parseName(table), name)),
  }));
}

function expectedFindings(
  { name, entries, table, rows }: ExpectedTable,
  options: CatalogueOptions,
): readonly Finding[] {
  if (!table) return [missingTableFinding(name, entries)];
  const { role } = options.facts;
  const shape = findShape(options.scope.app, name);
  const losses = entries.map(({ name: state, lossMeans }) => `${state}: ${lossMeans}`);
  return [
    ...(shape ? shapeFindings(table, shape) : []),
    ...entries.flatMap((entry) => missingColumnFindings(entry, table, shape)),
    ...(table.isUnlogged && entries.length > 0 ? [unloggedFinding(table, losses)] : []),
    ...(table.hidesRows && rows ? [hiddenRowsFinding(name, role)] : []),
    ...(rows && "unread" in rows
      ? [unreadFinding({ kind: "table", subject: formatName(name), relation: name, role }, rows.unread)]
      : []),
  ];
}
