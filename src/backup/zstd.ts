import { promisify } from "node:util";
import * as zlib from "node:zlib";
import { RoomctlError } from "../core/errors.js";

/** Blocks in, frames out, one call each, on other threads. */
export interface Zstd {
  compress(block: Buffer, level: number): Promise<Buffer>;
  decompress(frame: Buffer): Promise<Buffer>;
}

let loading: Promise<Zstd | undefined> | undefined;

/** The library, or what newer versions of Node have built in; undefined where this machine has neither. */
export function findZstd(): Promise<Zstd | undefined> {
  // Its bindings: the function around them forgets the level (mongodb-js/zstd 1.2.2).
  loading ??= import("zstd-blocks/bindings.js").then(
    ({ default: { compress, decompress } }) => ({ compress, decompress }),
    // It has native parts, and none for this platform.
    () => builtIn(),
  );
  return loading;
}

/** Throws E_CONFIG where there is none. */
export async function loadZstd(): Promise<Zstd> {
  const zstd = await findZstd();
  if (zstd) return zstd;
  throw new RoomctlError("E_CONFIG", "this machine cannot compress or read zstd", {
    hint: "write backups with --compress gzip; to read this one use Node 22.15 or later",
  });
}

/** Since Node 22.15; the types of Node 20 do not know it. */
function builtIn(): Zstd | undefined {
  const { zstdCompress, zstdDecompress } = zlib as Partial<BuiltIn>;
  const parameter: unknown = Reflect.get(zlib.constants, "ZSTD_c_compressionLevel");
  if (!zstdCompress || !zstdDecompress || typeof parameter !== "number") return undefined;
  const [compress, decompress] = [promisify(zstdCompress), promisify(zstdDecompress)];
  return {
    compress: (block, level) => compress(block, { params: { [parameter]: level } }),
    decompress: (frame) => decompress(frame, {}),
  };
}

type Call<Options> = (block: Buffer, options: Options, done: (error: Error | null, result: Buffer) => void) => void;

interface BuiltIn {
  readonly zstdCompress: Call<{ readonly params: Readonly<Record<number, number>> }>;
  readonly zstdDecompress: Call<object>;
}
