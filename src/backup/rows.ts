import xxhash, { type XXHash } from "xxhash-wasm";
import type { CopyFormat, RowsFingerprint } from "./manifest.js";

/**
 * Hashes rows as COPY spells them: the fingerprint is the sum, modulo 2^64, of the xxHash64 of each row's bytes
 * (https://xxhash.com), so it does not depend on the order of the rows, and sums of parts add up to that of the whole.
 * It tells equal contents from different ones; it is no proof against forgery.
 */
export interface RowsHash {
  /** A row, or a piece of one: `isEnd` is true for the last. The first piece of a stream holds the header whole. */
  data(bytes: Uint8Array, isEnd: boolean): void;
  result(): RowsFingerprint;
}

/** xxHash64 of a block of bytes, 16 hex digits. */
export function hashBlock(bytes: Uint8Array): string {
  return library.h64Raw(bytes).toString(16).padStart(16, "0");
}

// A WebAssembly module of 7 KiB: 3 ms.
const library = await xxhash();

/** Signature, flags and length of the header's extension, which is empty: see "Binary Format" of COPY in the manual. */
const binaryHeaderBytes = 19;

/** For one COPY stream of a table, given message by message. */
export function createRowsHash(format: CopyFormat): RowsHash {
  let skip = format === "binary" ? binaryHeaderBytes : 0;
  let rows = 0;
  let sum = 0n;
  let long: XXHash<bigint> | undefined;
  return {
    data(bytes, isEnd) {
      const row = skip === 0 ? bytes : bytes.subarray(skip);
      skip = 0;
      if (long !== undefined || !isEnd) {
        long = (long ?? library.create64()).update(row);
        if (!isEnd) return;
        sum = BigInt.asUintN(64, sum + long.digest());
        long = undefined;
      } else {
        // The trailer, -1, comes alone, or right after the header of an empty table.
        if (format === "binary" && row.length === 2 && row[0] === 0xff) return;
        sum = BigInt.asUintN(64, sum + library.h64Raw(row));
      }
      rows += 1;
    },
    result: () => ({ rows, fingerprint: String(sum) }),
  };
}

/** The fingerprint of rows that lie in several parts. */
export function addFingerprints(parts: readonly RowsFingerprint[]): RowsFingerprint {
  const sum = parts.reduce((total, { fingerprint }) => BigInt.asUintN(64, total + BigInt(fingerprint)), 0n);
  return { rows: parts.reduce((total, { rows }) => total + rows, 0), fingerprint: String(sum) };
}
