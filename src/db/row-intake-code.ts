import { type Code, createModule, i32, i64, memoryCopy, repeat, returns, type Variable, when } from "../core/wasm.js";
import { defineXxHash64, type XxHash64 } from "../core/xxhash64-code.js";

/** What the module exports, for an instance. */
export interface RowCode {
  /**
   * Reads what lies from `at` to `end` in the memory, as far as messages with rows go: hashes each row, and puts its
   * bytes behind those before it, at `filled`. What it leaves needs more behind it, and is shorter than a stripe of the
   * hash; unless it says 1: then a message without a row begins there.
   */
  take(): number;
  readonly at: WasmGlobal<number>;
  readonly end: WasmGlobal<number>;
  readonly filled: WasmGlobal<number>;
  /** Bytes of COPY's own header that are still to come: they belong to no row. */
  readonly skip: WasmGlobal<number>;
  /** 1 where a message of two bytes, -1, ends the rows. */
  readonly hasTrailer: WasmGlobal<number>;
  readonly rows: WasmGlobal<bigint>;
  /** Of the rows' hashes, modulo 2^64; as a signed number. */
  readonly sum: WasmGlobal<bigint>;
}

interface WasmGlobal<T> {
  value: T;
}

/** Follows the protocol's framing (a type byte, a length that counts itself, a body), and hashes where the bytes lie. */
export function buildRowCode(): Uint8Array<ArrayBuffer> {
  const module = createModule();
  const hash = defineXxHash64(module);
  const state = {
    at: module.global("at", "i32"),
    end: module.global("end", "i32"),
    filled: module.global("filled", "i32"),
    skip: module.global("skip", "i32"),
    hasTrailer: module.global("hasTrailer", "i32"),
    rows: module.global("rows", "i64"),
    sum: module.global("sum", "i64"),
    isInRow: module.global("isInRow", "i32"),
    left: module.global("left", "i32"),
  };
  const shape = { parameters: ["i32"] } as const;
  const keep = module.define("keep", shape, ([bytes]) => (bytes ? keepBytes(state, bytes.get) : []));
  module.define("take", { parameters: [], result: "i32" }, () => take({ ...state, hash, keep: keep.call }));
  return module.bytes();
}

type State = Readonly<
  Record<"at" | "end" | "filled" | "skip" | "hasTrailer" | "rows" | "sum" | "isInRow" | "left", Variable>
>;

interface Parts extends State {
  readonly hash: XxHash64;
  keep(bytes: Code): Code;
}

const headerBytes = 5;
const copyData = 0x64;

/** Bytes of a row move down over the headers before it. */
function keepBytes({ at, filled, left }: State, bytes: Code): readonly Code[] {
  return [
    memoryCopy(filled.get, at.get, bytes),
    filled.set(i32.add(filled.get, bytes)),
    at.set(i32.add(at.get, bytes)),
    left.set(i32.sub(left.get, bytes)),
  ];
}

function take(parts: Parts): readonly Code[] {
  const { at, end, skip, isInRow, left, hash, keep } = parts;
  const there = i32.sub(end.get, at.get);
  return [
    repeat(i32.const(1), [
      when(i32.eqz(isInRow.get), beginRow(parts, there)),
      when(skip.get, [when(i32.ltU(there, skip.get), [returns(i32.const(0))]), keep(skip.get), skip.set(i32.const(0))]),
      when(i32.ltU(there, left.get), [
        // A part of a row: as much as can be hashed before the rest is here.
        hash.addStripes(at.get, end.get),
        keep(i32.and(there, i32.const(-32))),
        returns(i32.const(0)),
      ]),
      ...finishRow(parts),
    ]),
    i32.const(0),
  ];
}

function beginRow({ at, left, isInRow, hash }: Parts, there: Code): readonly Code[] {
  return [
    when(i32.ltU(there, i32.const(headerBytes)), [returns(i32.const(0))]),
    when(i32.ne(i32.load8(at.get), i32.const(copyData)), [returns(i32.const(1))]),
    left.set(i32.sub(bigEndian(at.get, 1), i32.const(4))),
    at.set(i32.add(at.get, i32.const(headerBytes))),
    isInRow.set(i32.const(1)),
    hash.begin(),
  ];
}

function finishRow({ at, left, rows, sum, isInRow, hasTrailer, hash, keep }: Parts): readonly Code[] {
  const next = i32.add(at.get, left.get);
  const rest = i32.sub(next, i32.and(left.get, i32.const(31)));
  // A row begins with the number of its columns, which is not negative.
  const isTrailer = [
    hasTrailer.get,
    i32.eqz(hash.length),
    i32.eq(left.get, i32.const(2)),
    i32.eq(i32.load8(at.get), i32.const(0xff)),
  ].reduce((all, one) => i32.and(all, one));
  return [
    when(i32.eqz(isTrailer), [
      hash.addStripes(at.get, next),
      sum.set(i64.add(sum.get, hash.finish(rest, next))),
      rows.set(i64.add(rows.get, i64.const(1n))),
    ]),
    keep(left.get),
    isInRow.set(i32.const(0)),
  ];
}

function bigEndian(address: Code, offset: number): Code {
  return [0, 1, 2, 3]
    .map((index) => i32.shl(i32.load8(address, offset + index), i32.const(24 - index * 8)))
    .reduce((total, byte) => i32.or(total, byte));
}
