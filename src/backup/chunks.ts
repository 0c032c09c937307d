import type { QualifiedName } from "../db/identifier.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { PageRange } from "./copy-statement.js";

/** How a table lies on the server's disk. */
export interface Storage {
  readonly oid: number;
  /** True when COPY BINARY spells its rows the same in any database. */
  readonly isBinary: boolean;
  /** With TOAST, without indexes. */
  readonly sizeBytes: number;
  /** Null where rows do not lie on pages that a condition on ctid could choose. */
  readonly pages: number | null;
}

/** Reads it for locked tables: the relations are opened. */
export function readStorage(queryable: Queryable, oids: readonly number[]): Promise<readonly Storage[]> {
  return queryable.query<Storage>(loadStatement("backup/storage"), [oids]);
}

/** Some rows of a table, to be read by one COPY. */
export interface ChunkJob<Table extends QualifiedName> {
  readonly table: Table;
  /** Both from 1. */
  readonly tableNumber: number;
  readonly chunkNumber: number;
  /** All of the table unless told. */
  readonly pages?: PageRange;
  /** Expected, to put the longest first. */
  readonly sizeBytes: number;
}

/** What one chunk should hold, as the server stores it. */
const chunkBytes = 64 * 1024 * 1024;

/**
 * What to read, the largest first, so that no long one is left for the end. A table that is larger than two chunks is
 * split by pages, its TOAST counted in; the last part has no end. A table without a page has no row.
 */
export function planChunks<Table extends QualifiedName & Pick<Storage, "sizeBytes" | "pages">>(
  tables: readonly Table[],
  targetBytes: number = chunkBytes,
): readonly ChunkJob<Table>[] {
  return tables
    .flatMap((table, index) => {
      const { pages, sizeBytes } = table;
      if (pages === 0) return [];
      const parts = pages === null ? 1 : Math.min(pages, Math.floor(sizeBytes / targetBytes));
      return Array.from({ length: Math.max(parts, 1) }, (_, part) => ({
        table,
        tableNumber: index + 1,
        chunkNumber: part + 1,
        ...(pages !== null && parts > 1 ? { pages: pageRange(pages, parts, part) } : {}),
        sizeBytes: sizeBytes / Math.max(parts, 1),
      }));
    })
    .sort((a, b) => b.sizeBytes - a.sizeBytes);
}

function pageRange(pages: number, parts: number, part: number): PageRange {
  const start = (number: number) => Math.floor((pages * number) / parts);
  return { from: start(part), ...(part + 1 < parts ? { to: start(part + 1) } : {}) };
}
