import { promisify } from "node:util";
import { constants, gunzip, gzip } from "node:zlib";
import { findZstd, loadZstd } from "./zstd.js";

/**
 * How blocks are compressed: each by itself, off the main thread. Files are these blocks one after the other, which stock
 * tools unpack as a whole (`zstd -dc`, `gzip -dc`). Ours never does: Node's own zstd returns the first of several frames
 * and says nothing (nodejs/node#64741).
 */
export interface Codec {
  readonly extension: string;
  readonly defaultLevel: number;
  readonly levels: readonly [lowest: number, highest: number];
  pack(block: Buffer, level: number): Promise<Buffer>;
  unpack(block: Buffer): Promise<Buffer>;
}

const [zip, unzip] = [promisify(gzip), promisify(gunzip)];

export const codecs = {
  zstd: {
    extension: ".zst",
    defaultLevel: 3,
    levels: [1, 19],
    pack: async (block, level) => (await loadZstd()).compress(block, level),
    unpack: async (block) => (await loadZstd()).decompress(block),
  },
  gzip: {
    extension: ".gz",
    defaultLevel: 1,
    levels: [1, 9],
    pack: (block, level) => zip(block, { level }),
    unpack: (block) => unzip(block, { finishFlush: constants.Z_FINISH }),
  },
  none: {
    extension: "",
    defaultLevel: 0,
    levels: [0, 0],
    pack: async (block) => block,
    unpack: async (block) => block,
  },
} as const satisfies Record<string, Codec>;

export type CodecName = keyof typeof codecs;

/** A codec and how hard it tries. */
export interface Compression {
  readonly codec: CodecName;
  readonly level: number;
}

/** zstd, or gzip where this machine has no zstd. */
export async function chooseCompression(): Promise<Compression> {
  const codec = (await findZstd()) ? "zstd" : "gzip";
  return { codec, level: codecs[codec].defaultLevel };
}
