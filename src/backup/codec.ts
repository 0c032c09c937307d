import type { Transform } from "node:stream";
import { constants, createGunzip, createGzip } from "node:zlib";

/** How stored files are compressed. Stock tools read them: `gzip -dc data/0001.copy.gz | psql -c '\copy t from stdin'`. */
export interface Codec {
  readonly extension: string;
  encode(): Transform;
  decode(): Transform;
}

export const codecs = {
  gzip: {
    extension: ".gz",
    encode: () => createGzip({ level: constants.Z_BEST_SPEED }),
    decode: () => createGunzip(),
  },
} as const satisfies Record<string, Codec>;

export type CodecName = keyof typeof codecs;
