import { randomBytes, randomInt } from "node:crypto";
import { expect, test } from "vitest";
import xxhash from "xxhash-wasm";
import { xxHash64 } from "../../src/core/xxhash64.js";

const library = await xxhash();

test("every length up to three stripes hashes as the library does", () => {
  for (let length = 0; length <= 100; length += 1) {
    const bytes = randomBytes(length);
    expect(xxHash64(bytes), `${length} bytes`).toBe(library.h64Raw(bytes));
  }
});

test("what is longer than the memory it is copied into hashes as the library does", () => {
  for (const length of [65_535, 65_536, 65_537, 131_072, 131_103, 4_194_304, randomInt(300_000)]) {
    const bytes = randomBytes(length);
    expect(xxHash64(bytes), `${length} bytes`).toBe(library.h64Raw(bytes));
  }
});
