import { createModule } from "./wasm.js";
import { defineXxHash64 } from "./xxhash64-code.js";

/** The xxHash64 of some bytes, with seed 0: https://xxhash.com */
export function xxHash64(bytes: Uint8Array): bigint {
  hasher ??= createHasher();
  return hasher(bytes);
}

let hasher: ReturnType<typeof createHasher> | undefined;

interface HashCode {
  begin(): void;
  addStripes(at: number, end: number): void;
  finish(at: number, end: number): bigint;
}

/** Whole stripes of 32 bytes, and no more than the processor's nearer memory holds. */
const windowBytes = 64 * 1024;

function createHasher(): (bytes: Uint8Array) => bigint {
  const memory = new WebAssembly.Memory({ initial: 1, maximum: 1 });
  const window = new Uint8Array(memory.buffer);
  const module = createModule();
  defineXxHash64(module);
  const code = new WebAssembly.Instance<HashCode>(new WebAssembly.Module(module.bytes()), { host: { memory } }).exports;
  return (bytes) => {
    code.begin();
    for (let at = 0; bytes.length - at >= windowBytes; at += windowBytes) {
      window.set(bytes.subarray(at, at + windowBytes));
      code.addStripes(0, windowBytes);
    }
    const rest = bytes.length % windowBytes;
    window.set(bytes.subarray(bytes.length - rest));
    code.addStripes(0, rest);
    return BigInt.asUintN(64, code.finish(rest - (rest % 32), rest));
  };
}
