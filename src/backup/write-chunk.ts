import { RoomctlError } from "../core/errors.js";
import { readCopy } from "../db/copy-out.js";
import type { Connection } from "../db/pool.js";
import type { BlockPool } from "./block-writer.js";
import { createChunkWriter } from "./chunk-writer.js";
import { type Compression, codecs } from "./codec.js";
import type { CopyFormat, ManifestChunk } from "./manifest.js";
import type { Draft } from "./repository.js";

export interface ChunkRequest {
  readonly draft: Draft;
  readonly compression: Compression;
  readonly pool: BlockPool;
  readonly signal?: AbortSignal;
  /** For people: what is read. */
  readonly what: string;
  /** `COPY … TO STDOUT` in that format. */
  readonly statement: string;
  readonly format: CopyFormat;
  /** Without an extension: `data/0007.0002`. */
  readonly file: string;
}

/** Writes what one COPY sends into a file of the draft. The rows that arrived must be as many as the server counted. */
export async function writeChunk(connection: Connection, request: ChunkRequest): Promise<ManifestChunk> {
  const { draft, compression, pool, format, statement } = request;
  request.signal?.throwIfAborted();
  const file = `${request.file}.copy${codecs[compression.codec].extension}`;
  const writer = createChunkWriter({ file, output: draft.createFile(file), format, compression, pool });
  try {
    const sent = await readCopy(connection, statement, writer);
    const chunk = await writer.finish();
    if (chunk.rows === sent) return chunk;
    throw new RoomctlError(
      "E_BACKUP_DAMAGED",
      `${request.what}: the server says it sent ${sent} rows, but ${chunk.rows} arrived`,
      { hint: "run the backup again; if it happens again, something between here and the server changes what is sent" },
    );
  } catch (error) {
    await writer.abandon();
    throw error;
  }
}
