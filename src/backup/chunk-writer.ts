import type { Writable } from "node:stream";
import type { CopySink } from "../db/copy-out.js";
import { type BlockPool, createBlockWriter } from "./block-writer.js";
import type { Compression } from "./codec.js";
import type { CopyFormat, ManifestChunk } from "./manifest.js";
import { fingerprintOf } from "./rows.js";

export interface ChunkWriter extends CopySink {
  /** After the last row: what was written, once all of it has reached the disk. */
  finish(): Promise<ManifestChunk>;
  /** Gives up: waits until nothing is under way any more. */
  abandon(): Promise<void>;
}

export interface ChunkFile {
  readonly file: string;
  readonly output: Writable;
  readonly format: CopyFormat;
  readonly compression: Compression;
  readonly pool: BlockPool;
}

/** Hashes the rows of a COPY stream, cuts it into blocks, wherever rows end, and has these compressed and written. */
export function createChunkWriter({ file, output, format, compression, pool }: ChunkFile): ChunkWriter {
  const intake = pool.take();
  const blocks = createBlockWriter(output, compression, intake.release);
  intake.begin({ isBinary: format === "binary", onBlock: blocks.write });
  return {
    push: intake.push,
    drain: blocks.drain,
    async finish() {
      intake.end();
      const written = await blocks.finish();
      pool.give(intake);
      return { file, ...fingerprintOf(intake), ...written };
    },
    abandon: blocks.abandon,
  };
}
