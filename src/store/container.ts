import type { DualMap } from "./dual-map.js";
import type { Mirror } from "./mirror.js";

/** One key of a container as memory has it. */
export interface ContainerRow {
  readonly key: string;
  readonly version: number;
  /** Its last change is not in the database yet, so its row there may differ. */
  readonly pending: boolean;
  /** Memory has deleted it, and the database does not know yet. */
  readonly deleted: boolean;
  /** As it is, or will be, written; undefined for a map without a mirror. */
  readonly row: object | undefined;
}

/** What a store holds, for whoever compares it with the database. */
export interface Container {
  readonly name: string;
  readonly persistence: "write-behind" | "ephemeral";
  readonly table: string | undefined;
  readonly size: number;
  /** Up to `limit` keys (1,000 unless told) after the key `after`, sorted by their UTF-16 code units. */
  page(after?: string, limit?: number): readonly ContainerRow[];
}

export function containerOf<V>(map: DualMap<V>, mirror: Mirror<V> | undefined): Container {
  const rowOf = (key: string): ContainerRow => {
    const leaving = map.has(key) ? undefined : map.leaving.get(key);
    const value = leaving?.value ?? map.get(key);
    const version = map.versionOf(key) ?? 0;
    const deleted = leaving?.deleted ?? false;
    const row =
      mirror === undefined || value === undefined ? undefined : mirror.toRow(key, value, { version, deleted });
    return { key, version, pending: map.isPending(key), deleted, row };
  };
  return {
    name: map.name,
    persistence: mirror === undefined ? "ephemeral" : "write-behind",
    table: mirror?.table,
    get size() {
      return map.size;
    },
    page: (after, limit = 1000) => firstKeys([map.keys(), map.leaving.keys()], after, limit).map(rowOf),
  };
}

/** The `limit` smallest keys after `after`, without sorting all of them. */
function firstKeys(sources: readonly Iterable<string>[], after: string | undefined, limit: number): readonly string[] {
  let found: string[] = [];
  let last: string | undefined;
  const cut = () => {
    found = found.sort((a, b) => (a < b ? -1 : 1)).slice(0, limit);
    last = found.length === limit ? found.at(-1) : undefined;
  };
  for (const source of sources) {
    for (const key of source) {
      if ((after !== undefined && key <= after) || (last !== undefined && key >= last)) continue;
      found.push(key);
      if (found.length >= 4 * limit) cut();
    }
  }
  cut();
  return found;
}
