import type { WipeScope } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { parseName, type QualifiedName } from "../db/identifier.js";

/**
 * Words of this folder. A *scope* is a named group of tables. The *selection* is what the chosen scopes name; the
 * *cascade* is what a TRUNCATE … CASCADE of it would empty besides. A *reset* puts one column back and keeps the rows.
 */
export interface WipeSelection {
  /** The scopes as chosen, before `includes` was followed. */
  readonly scopes: readonly string[];
  readonly tables: readonly SelectedTable[];
  readonly resets: readonly SelectedReset[];
}

interface SelectedTable {
  readonly name: QualifiedName;
  /** The scope that names it. */
  readonly scope: string;
  /** Left out without a word where the database does not have it. */
  readonly isOptional: boolean;
}

export interface SelectedReset {
  readonly name: QualifiedName;
  readonly column: string;
  /** An SQL expression. */
  readonly value: string;
  readonly scope: string;
}

/** The only table of roomctl's own that a wipe may empty; its bookkeeping is never wiped. */
const wipeableOwnTable: QualifiedName = { schema: "roomctl", name: "outbox" };

/**
 * What the named scopes select: every table once, `includes` followed, `"*"` meaning every other scope. Without names,
 * the scope `all`, or every scope where the app has none of that name. Throws E_UNKNOWN_SCOPE, and E_CONFIG for a scope
 * that names a table of roomctl's own.
 */
export function resolveScopes(scopes: readonly WipeScope[], names: readonly string[]): WipeSelection {
  const chosen = names.length > 0 ? [...new Set(names)] : defaultScopes(scopes);
  const included = followIncludes(scopes, chosen);
  const required = included.flatMap((scope) => scope.tables.map((table) => selectTable(table, scope, false)));
  const optional = included.flatMap((scope) =>
    (scope.optionalTables ?? []).map((table) => selectTable(table, scope, true)),
  );
  return {
    scopes: chosen,
    tables: uniqueTables([...required, ...optional]),
    resets: included.flatMap((scope) =>
      (scope.resets ?? []).map(({ table, column, value }) => ({
        name: parseName(table),
        column,
        value,
        scope: scope.name,
      })),
    ),
  };
}

/** True for a table in roomctl's own schema that must survive every wipe. */
export function isBookkeeping({ schema, name }: QualifiedName): boolean {
  return schema === wipeableOwnTable.schema && name !== wipeableOwnTable.name;
}

function defaultScopes(scopes: readonly WipeScope[]): readonly string[] {
  return scopes.some((scope) => scope.name === "all") ? ["all"] : scopes.map((scope) => scope.name);
}

/** The chosen scopes and all that they include, each once, in the order of the definition. */
function followIncludes(scopes: readonly WipeScope[], names: readonly string[]): readonly WipeScope[] {
  const found = new Set<WipeScope>();
  const follow = (name: string) => {
    const scope = scopes.find((candidate) => candidate.name === name);
    if (!scope) throw unknownScope(name, scopes);
    if (found.has(scope)) return;
    found.add(scope);
    for (const included of scope.includes ?? []) {
      if (included === "*") for (const other of scopes) follow(other.name);
      else follow(included);
    }
  };
  for (const name of names) follow(name);
  return scopes.filter((scope) => found.has(scope));
}

function selectTable(table: string, scope: WipeScope, isOptional: boolean): SelectedTable {
  const name = parseName(table);
  if (isBookkeeping(name)) {
    throw new RoomctlError("E_CONFIG", `the scope ${JSON.stringify(scope.name)} names ${table}, which is never wiped`, {
      hint: "take it out of the scope: roomctl's own tables are the record of what was done to the database",
    });
  }
  return { name, scope: scope.name, isOptional };
}

function uniqueTables(tables: readonly SelectedTable[]): readonly SelectedTable[] {
  const byName = new Map<string, SelectedTable>();
  for (const table of tables) {
    const key = JSON.stringify([table.name.schema, table.name.name]);
    if (!byName.has(key)) byName.set(key, table);
  }
  return [...byName.values()];
}

function unknownScope(name: string, scopes: readonly WipeScope[]): RoomctlError {
  const names = scopes.map((scope) => scope.name);
  const near = names.filter((candidate) => editDistance(candidate, name.toLowerCase()) <= 2);
  const suggestion = near.length > 0 ? ` (did you mean ${near.join(" or ")}?)` : "";
  return new RoomctlError("E_UNKNOWN_SCOPE", `there is no scope ${JSON.stringify(name)}${suggestion}`, {
    hint: `use --scope with one of: ${names.join(", ") || "none is configured"}`,
  });
}

/** Levenshtein distance: how many letters to change, add or drop. */
export function editDistance(from: string, to: string): number {
  let previous = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [row, letter] of [...from].entries()) {
    const current = [row + 1];
    for (let column = 1; column <= to.length; column += 1) {
      const replaced = (previous[column - 1] ?? 0) + (letter === to[column - 1] ? 0 : 1);
      current.push(Math.min(replaced, (previous[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    previous = current;
  }
  return previous[to.length] ?? 0;
}
