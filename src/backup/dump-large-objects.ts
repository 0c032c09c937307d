import type { Connection } from "../db/pool.js";
import { createBlockPool } from "./block-writer.js";
import type { DumpOptions } from "./dump.js";
import { largeObjectColumns, largeObjectPages, readLargeObjects } from "./large-objects.js";
import type { ManifestLargeObjects } from "./manifest.js";
import { writeChunk } from "./write-chunk.js";

/** Writes the large objects' bytes as the rows of a table without a name; null when there are none. */
export async function dumpLargeObjects(leader: Connection, options: DumpOptions): Promise<ManifestLargeObjects | null> {
  const objects = await readLargeObjects(leader);
  if (objects.length === 0) return null;
  const format = "binary";
  const chunk = await writeChunk(leader, {
    ...options,
    pool: createBlockPool(),
    what: "the large objects",
    statement: `COPY (${largeObjectPages()}) TO STDOUT (FORMAT ${format})`,
    format,
    file: "data/large-objects",
  });
  const { rows, fingerprint } = chunk;
  const { codec } = options.compression;
  return { objects, pages: { columns: largeObjectColumns, format, codec, rows, fingerprint, chunks: [chunk] } };
}
