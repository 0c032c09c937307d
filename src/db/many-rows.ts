import type { CopySink } from "./copy-out.js";
import { readCopy } from "./copy-out.js";
import type { Connection } from "./pool.js";

/**
 * One row of many, only while it is being taken: the next one lies in the same place. Columns count from 0, in the order
 * of the SELECT; NULL is null. Each method reads columns of the types that it names.
 */
export interface WireRow {
  /** text, varchar. */
  text(column: number): string | null;
  /** As the server spells it. */
  uuid(column: number): string | null;
  /** integer, bigint. */
  integer(column: number): number | null;
  /** timestamptz as whole epoch milliseconds; null for infinity too, which is no moment. */
  moment(column: number): number | null;
}

export interface ManyRowsOptions {
  readonly take: (row: WireRow) => void;
  /** Called after so many rows, and awaited: the event loop is free meanwhile. */
  readonly turn: () => Promise<void>;
  readonly turnRows: number;
}

/**
 * Reads a SELECT of many rows: memory stays small, and the event loop is free in between. They come by COPY in binary: the
 * server spells nothing out, and only what is asked for becomes a value here. Parameters must be in the text as
 * literals: COPY takes none. Throws what the database says, and what `take` and `turn` throw.
 */
export async function readManyRows(
  connection: Connection,
  select: string,
  { take, turn, turnRows }: ManyRowsOptions,
): Promise<void> {
  const messages = createRowMessages(take);
  let turned = 0;
  const sink: CopySink = {
    push: messages.push,
    drain() {
      if (messages.rows() - turned < turnRows) return undefined;
      turned = messages.rows();
      return turn();
    },
  };
  await readCopy(connection, `COPY (${select}) TO STDOUT (FORMAT binary)`, sink);
}

const copyData = "d".charCodeAt(0);
/** Type and length, in front of each message. */
const headBytes = 5;
/** Signature, flags and length of the header's extension, which is empty: see "Binary Format" of COPY in the manual. */
const binaryHeaderBytes = 19;
/** In place of the number of columns, where no row follows. */
const trailer = -1;

/** Finds rows in what a socket brings: one message has one row, the first also COPY's own header. */
function createRowMessages(take: (row: WireRow) => void): Pick<CopySink, "push"> & { rows(): number } {
  const row = createWireRow();
  /** What was read and not taken yet, from its beginning: a read may end in the middle of a message. */
  let bytes: Buffer = Buffer.allocUnsafeSlow(128 * 1024);
  let filled = 0;
  let rows = 0;
  let skip = binaryHeaderBytes;
  const append = (read: Buffer) => {
    if (filled + read.length > bytes.length) {
      bytes = Buffer.concat([bytes.subarray(0, filled)], 2 * (filled + read.length));
    }
    read.copy(bytes, filled);
    filled += read.length;
  };
  const takeRow = (start: number) => {
    if (bytes.readInt16BE(start + skip) !== trailer) {
      row.place(bytes, start + skip);
      rows += 1;
      take(row);
    }
    skip = 0;
  };
  return {
    rows: () => rows,
    push(read, pass) {
      append(read);
      let at = 0;
      while (at + headBytes <= filled) {
        const end = at + 1 + bytes.readInt32BE(at + 1);
        if (end > filled) break;
        if (bytes[at] === copyData) takeRow(at + headBytes);
        else pass(bytes.subarray(at, end));
        at = end;
      }
      bytes.copyWithin(0, at, filled);
      filled -= at;
    },
  };
}

function createWireRow(): WireRow & { place(bytes: Buffer, start: number): void } {
  let bytes: Buffer = Buffer.alloc(0);
  const starts: number[] = [];
  const lengths: number[] = [];
  const lengthOf = (column: number) => {
    const length = lengths[column];
    if (length === undefined) throw new RangeError(`no column ${column}`);
    return length;
  };
  const read = <T>(column: number, decode: (start: number, length: number) => T): T | null => {
    const length = lengthOf(column);
    return length < 0 ? null : decode(starts[column] ?? 0, length);
  };
  const decodeText = (start: number, length: number) => bytes.toString("utf8", start, start + length);
  const decodeUuid = (start: number) => spellUuid(bytes, start);
  const decodeInteger = (start: number, length: number) =>
    length === 4 ? bytes.readInt32BE(start) : readLong(bytes, start);
  const decodeMoment = (start: number) => {
    const microseconds = readLong(bytes, start);
    return Math.abs(microseconds) > lastMoment ? null : Math.floor(microseconds / 1000) + firstMomentMs;
  };
  return {
    place(given, start) {
      bytes = given;
      const columns = given.readInt16BE(start);
      let at = start + 2;
      for (let column = 0; column < columns; column += 1) {
        const length = given.readInt32BE(at);
        starts[column] = at + 4;
        lengths[column] = length;
        at += 4 + Math.max(length, 0);
      }
    },
    text: (column) => read(column, decodeText),
    uuid: (column) => read(column, decodeUuid),
    integer: (column) => read(column, decodeInteger),
    moment: (column) => read(column, decodeMoment),
  };
}

/** The server counts from the year 2000 on. */
const firstMomentMs = Date.UTC(2000, 0, 1);
/** Infinity is the largest number of 64 bits, and minus infinity the smallest; no moment comes near. */
const lastMoment = 2 ** 62;

function readLong(bytes: Buffer, start: number): number {
  return bytes.readInt32BE(start) * 2 ** 32 + bytes.readUInt32BE(start + 4);
}

const spelled = Buffer.alloc(36, "-");
/** Of each byte of a uuid, where its two digits stand. */
const digitPlaces = [0, 2, 4, 6, 9, 11, 14, 16, 19, 21, 24, 26, 28, 30, 32, 34];
const digits = Buffer.from("0123456789abcdef");

function spellUuid(bytes: Buffer, start: number): string {
  for (let index = 0; index < 16; index += 1) {
    const byte = bytes[start + index] as number;
    const place = digitPlaces[index] as number;
    spelled[place] = digits[byte >> 4] as number;
    spelled[place + 1] = digits[byte & 15] as number;
  }
  return spelled.toString("latin1");
}
