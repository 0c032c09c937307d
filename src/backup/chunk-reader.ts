import { createHash } from "node:crypto";
import { messageOf, RoomctlError } from "../core/errors.js";
import { codecs } from "./codec.js";
import type { ManifestChunk, ManifestTable } from "./manifest.js";
import type { StoredBackup } from "./repository.js";
import { hashBlock } from "./rows.js";

/** Blocks that are read and unpacked ahead of the one that is asked for. */
const blocksAhead = 2;

/**
 * The COPY stream of a chunk, block by block, each with the length and the hash that the manifest promises; at the end
 * the file must be at its end, and be the one that was written. Throws E_BACKUP_DAMAGED naming the file and what is wrong.
 */
export async function* readChunk(
  stored: StoredBackup,
  table: Pick<ManifestTable, "codec">,
  chunk: ManifestChunk,
  options: { readonly signal?: AbortSignal } = {},
): AsyncGenerator<Buffer, void, void> {
  const digest = createHash("sha256");
  await using file = await stored.openFile(chunk.file);
  if (file.sizeBytes !== chunk.sizeBytes) {
    throw new ChunkDamage(chunk, "length", `has ${file.sizeBytes} bytes instead of ${chunk.sizeBytes}`);
  }
  const ahead: Promise<Buffer>[] = [];
  let position = 0;
  let read: Promise<unknown> = Promise.resolve();
  for (const [number, [, storedBytes]] of chunk.blocks.entries()) {
    options.signal?.throwIfAborted();
    const at = position;
    position += storedBytes;
    const packed = read.then(() => file.read(at, storedBytes));
    read = packed;
    const block = packed.then((bytes) => {
      digest.update(bytes);
      return unpackBlock(table, chunk, number, bytes);
    });
    // Asked for later, so a failure in between is not unhandled.
    block.catch(() => {});
    ahead.push(block);
    if (ahead.length > blocksAhead) yield await (ahead.shift() ?? block);
  }
  for (const block of ahead) yield await block;
  if (digest.digest("hex") !== chunk.sha256) {
    throw new ChunkDamage(chunk, "checksum", "was changed: its SHA-256 does not match");
  }
}

async function unpackBlock(
  { codec }: Pick<ManifestTable, "codec">,
  chunk: ManifestChunk,
  number: number,
  packed: Buffer,
): Promise<Buffer> {
  const [rawBytes, , hash] = chunk.blocks[number] ?? [];
  const raw = await codecs[codec].unpack(packed).catch((cause: unknown) => {
    const what = `cannot be unpacked in block ${number + 1}: ${messageOf(cause)}`;
    throw new ChunkDamage(chunk, "checksum", what, cause);
  });
  if (raw.length === rawBytes && hashBlock(raw) === hash) return raw;
  throw new ChunkDamage(chunk, "checksum", `holds other bytes than were written, in block ${number + 1}`);
}

/** What is wrong with a chunk's file. */
export class ChunkDamage extends RoomctlError {
  constructor(
    chunk: ManifestChunk,
    readonly problem: "length" | "checksum",
    /** After the file's name: "has 3 bytes instead of 4". */
    readonly what: string,
    cause?: unknown,
  ) {
    super("E_BACKUP_DAMAGED", `${chunk.file} ${what}`, { cause });
  }
}
