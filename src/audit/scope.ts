import type { AppDefinition, AuditCheck, StateEntry } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { isSameName, parseName, type QualifiedName } from "../db/identifier.js";

/** What one audit is about: catalogue entries, and with them tables. */
export interface AuditScope {
  readonly app: AppDefinition;
  readonly entries: readonly StateEntry[];
  has(table: QualifiedName): boolean;
}

/** Everything, or the entries of these names with their tables. Throws E_USAGE for a name that the catalogue does not have. */
export function chooseScope(app: AppDefinition, names: readonly string[] | undefined): AuditScope {
  if (names === undefined) return { app, entries: app.states, has: () => true };
  const unknown = names.filter((name) => !app.states.some((entry) => isStateName(entry, name)));
  if (unknown.length > 0) {
    throw new RoomctlError("E_USAGE", `no such state: ${unknown.map((name) => JSON.stringify(name)).join(", ")}`, {
      hint: `states of the ${app.name}: ${app.states.map(({ name }) => name).join(", ")}`,
    });
  }
  const entries = app.states.filter((entry) => names.some((name) => isStateName(entry, name)));
  const tables = entries.flatMap(({ table }) => (table === undefined ? [] : [parseName(table)]));
  return { app, entries, has: (table) => tables.some((chosen) => isSameName(chosen, table)) };
}

/** People may type `active-rooms` for "active rooms". */
function isStateName({ name }: StateEntry, typed: string): boolean {
  const plain = (text: string) => text.toLowerCase().replaceAll(/[\s_-]+/g, " ");
  return plain(name) === plain(typed);
}

/** Checks that look at a table of this audit, and can be run: every table that they need is there. */
export function checksOf({ app, has }: AuditScope, tables: readonly QualifiedName[]): readonly AuditCheck[] {
  return app.checks.filter(({ needs }) => {
    const names = needs.map(parseName);
    const areThere = names.every((name) => tables.some((table) => isSameName(table, name)));
    return areThere && (names.length === 0 || names.some(has));
  });
}
