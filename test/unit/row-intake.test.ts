import { randomBytes, randomInt } from "node:crypto";
import { expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { createRowIntake } from "../../src/db/row-intake.js";

const library = await xxhash();

test.each([
  ["text", false, 1],
  ["binary", true, 1],
  ["binary", true, 3],
])("rows as %s come out whole and hashed, however the socket cuts them (%s, %i blocks)", (_, isBinary, blocks) => {
  for (let round = 0; round < 20; round += 1) {
    const sent = randomStream(isBinary, randomInt(150));
    const got = readStream(sent.bytes, { isBinary, blocks, largestRead: round % 4 === 0 ? 40 : 70_000 });
    expect(got.result).toEqual({ rows: sent.rows.length, sum: sumOf(sent.rows) });
    expect(got.stored.equals(sent.stored)).toBe(true);
    expect(got.passed.equals(sent.others)).toBe(true);
  }
});

test("a row that looks like the trailer in its last bytes is counted", () => {
  const row = Buffer.concat([randomBytes(64), Buffer.from([0xff, 0xff])]);
  const bytes = message(0x64, Buffer.concat([randomBytes(19), row]));
  const cut = 5 + 19 + 64;
  for (const parts of [[bytes], [bytes.subarray(0, cut), bytes.subarray(cut)]]) {
    const intake = createRowIntake(1, 64 * 1024);
    intake.begin({ isBinary: true, onBlock: intake.release });
    for (const part of parts) intake.push(part, () => {});
    expect(intake.result()).toEqual({ rows: 1, sum: library.h64Raw(row) });
  }
});

test("an intake that was left in the middle of a row begins anew", () => {
  const intake = createRowIntake(1, 64 * 1024);
  const row = randomBytes(100);
  intake.begin({ isBinary: false, onBlock: intake.release });
  intake.push(message(0x64, row).subarray(0, 70), () => {});
  intake.begin({ isBinary: false, onBlock: intake.release });
  intake.push(message(0x64, row), () => {});
  expect(intake.result()).toEqual({ rows: 1, sum: library.h64Raw(row) });
});

test("rows that find no free block are refused, never written over others", () => {
  const intake = createRowIntake(2, 64 * 1024);
  intake.begin({ isBinary: false, onBlock: () => {} });
  const push = () => intake.push(message(0x64, randomBytes(60_000)), () => {});
  expect(() => [push(), push(), push()]).toThrow("faster than their blocks were written");
});

/** Messages of a COPY with random rows, some far longer than a block, and others between them. */
function randomStream(isBinary: boolean, count: number) {
  const rows: Buffer[] = [];
  const stored: Buffer[] = [];
  const others: Buffer[] = [];
  const messages: Buffer[] = [];
  const sendOther = () => {
    others.push(message(0x4e, randomBytes(randomInt(100))));
    messages.push(others.at(-1) as Buffer);
  };
  const sendBody = (body: Buffer) => {
    const header = isBinary && stored.length === 0 ? randomBytes(19) : Buffer.alloc(0);
    stored.push(Buffer.concat([header, body]));
    messages.push(message(0x64, stored.at(-1) as Buffer));
  };
  sendOther();
  for (let number = 0; number < count; number += 1) {
    const row = randomBytes(randomInt(30) === 0 ? randomInt(200_000) : randomInt(200));
    // The number of columns is not negative.
    if (isBinary && row.length > 0) row[0] = 0;
    rows.push(row);
    sendBody(row);
    if (randomInt(20) === 0) sendOther();
  }
  if (isBinary) sendBody(Buffer.from([0xff, 0xff]));
  sendOther();
  return { rows, stored: Buffer.concat(stored), others: Buffer.concat(others), bytes: Buffer.concat(messages) };
}

interface Reading {
  readonly isBinary: boolean;
  readonly blocks: number;
  readonly largestRead: number;
}

function readStream(bytes: Buffer, { isBinary, blocks, largestRead }: Reading) {
  const intake = createRowIntake(blocks, 64 * 1024);
  const stored: Buffer[] = [];
  const passed: Buffer[] = [];
  const onBlock = (block: Buffer) => {
    stored.push(Buffer.from(block));
    intake.release(block);
  };
  intake.begin({ isBinary, onBlock });
  for (let at = 0; at < bytes.length; ) {
    const size = 1 + randomInt(largestRead);
    intake.push(bytes.subarray(at, at + size), (part) => void passed.push(Buffer.from(part)));
    at += size;
  }
  intake.end();
  return { result: intake.result(), stored: Buffer.concat(stored), passed: Buffer.concat(passed) };
}

function message(type: number, body: Buffer): Buffer {
  const header = Buffer.alloc(5);
  header[0] = type;
  header.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([header, body]);
}

function sumOf(rows: readonly Buffer[]): bigint {
  return rows.reduce((sum, row) => BigInt.asUintN(64, sum + library.h64Raw(row)), 0n);
}
