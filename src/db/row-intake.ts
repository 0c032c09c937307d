import { RoomctlError } from "../core/errors.js";
import { buildRowCode, type RowCode } from "./row-intake-code.js";

/** Where rows of a COPY lie one after the other, in *blocks*, without what the protocol puts between them. */
export interface RowIntake {
  /** Begins a stream; `onBlock` gets each block that is full, to `release` it some time. */
  begin(stream: RowStream): void;
  /** Takes the rows out of what a socket brought, and hands all other messages, or pieces of them, to `pass`. */
  push(bytes: Buffer, pass: (message: Buffer) => void): void;
  /** After the last row: hands over the last block, unless it is empty. */
  end(): void;
  release(block: Buffer): void;
  /** How many rows there were, and the sum of their xxHash64 modulo 2^64. */
  result(): { readonly rows: number; readonly sum: bigint };
}

interface RowStream {
  /** COPY BINARY begins with a header and ends with a trailer. */
  readonly isBinary: boolean;
  onBlock(block: Buffer): void;
}

/** Signature, flags and length of the header's extension, which is empty: see "Binary Format" of COPY in the manual. */
const binaryHeaderBytes = 19;
const pageBytes = 64 * 1024;
/** A block is full when less than this is free: what is left of a row that was cut must fit, and something behind it. */
const spareBytes = 1024;

let module: WebAssembly.Module | undefined;

/** An intake with so many blocks of memory, each of `blockBytes`: whole pages of 64 KiB. */
export function createRowIntake(blocks: number, blockBytes: number): RowIntake {
  // One page more: the code may look at the byte after a row.
  const pages = (blocks * blockBytes) / pageBytes + 1;
  const memory = new WebAssembly.Memory({ initial: pages, maximum: pages });
  const bytes = Buffer.from(memory.buffer);
  const allBlocks = Array.from({ length: blocks }, (_, index) => index * blockBytes);
  let code = instantiate(memory);
  let stream: RowStream = { isBinary: false, onBlock: () => {} };
  let free = [...allBlocks];
  let start = 0;
  /** What is left of a message that is not ours. */
  let foreignLeft = 0;

  const openBlock = () => {
    const next = free.shift();
    if (next === undefined) throw new RoomctlError("E_INTERNAL", "rows arrived faster than their blocks were written");
    start = next;
    for (const place of [code.at, code.end, code.filled]) place.value = start;
  };
  const append = (part: Uint8Array) => {
    bytes.set(part, code.end.value);
    code.end.value += part.length;
  };
  const seal = () => {
    const carried = Uint8Array.from(bytes.subarray(code.at.value, code.end.value));
    stream.onBlock(bytes.subarray(start, code.filled.value));
    openBlock();
    append(carried);
  };
  /** Takes bytes of the intake that begin with a foreign message out again: what of them belongs to it, and the rest. */
  const passForeign = (pass: (message: Buffer) => void): Buffer => {
    const taken = Buffer.from(bytes.subarray(code.at.value, code.end.value));
    code.end.value = code.at.value;
    const length = 1 + taken.readInt32BE(1);
    foreignLeft = Math.max(length - taken.length, 0);
    pass(taken.subarray(0, length));
    return taken.subarray(length);
  };

  return {
    begin(next) {
      stream = next;
      // A new instance: an earlier stream may have ended in the middle of a row.
      code = instantiate(memory);
      code.skip.value = next.isBinary ? binaryHeaderBytes : 0;
      code.hasTrailer.value = next.isBinary ? 1 : 0;
      free = [...allBlocks];
      foreignLeft = 0;
      openBlock();
    },
    push(input, pass) {
      let left = input;
      while (left.length > 0) {
        if (foreignLeft > 0) {
          const size = Math.min(foreignLeft, left.length);
          foreignLeft -= size;
          pass(left.subarray(0, size));
          left = left.subarray(size);
          continue;
        }
        const size = Math.min(left.length, start + blockBytes - code.end.value);
        append(left.subarray(0, size));
        left = left.subarray(size);
        const isForeign = code.take() === 1;
        if (isForeign) left = Buffer.concat([passForeign(pass), left]);
        bytes.copyWithin(code.filled.value, code.at.value, code.end.value);
        code.end.value += code.filled.value - code.at.value;
        code.at.value = code.filled.value;
        if (start + blockBytes - code.end.value < spareBytes) seal();
      }
    },
    end: () => {
      if (code.filled.value > start) stream.onBlock(bytes.subarray(start, code.filled.value));
    },
    release: (block) => void free.push(block.byteOffset),
    result: () => ({ rows: Number(code.rows.value), sum: BigInt.asUintN(64, code.sum.value) }),
  };
}

function instantiate(memory: WebAssembly.Memory): RowCode {
  module ??= new WebAssembly.Module(buildRowCode());
  return new WebAssembly.Instance<RowCode>(module, { host: { memory } }).exports;
}
