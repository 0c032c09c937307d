import { type Code, i32, i64, type ModuleBuilder, repeat, type Variable, when } from "./wasm.js";

/** xxHash64 with seed 0, for a module's other functions; as in https://github.com/Cyan4973/xxHash/blob/dev/doc/xxhash_spec.md */
export interface XxHash64 {
  /** Begins a new hash. */
  begin(): Code;
  /** Takes in bytes: all from `at` that fill stripes of 32 bytes, as far as `end`. */
  addStripes(at: Code, end: Code): Code;
  /** Takes in the rest, fewer than 32 bytes from `at` to `end`; leaves the hash, an i64. */
  finish(at: Code, end: Code): Code;
  /** How many bytes it has taken in, an i32. */
  readonly length: Code;
}

const [prime1, prime2, prime3, prime4, prime5] = [
  0x9e3779b185ebca87n,
  0xc2b2ae3d27d4eb4fn,
  0x165667b19e3779f9n,
  0x85ebca77c2b2ae63n,
  0x27d4eb2f165667c5n,
].map((prime) => i64.const(prime)) as [Code, Code, Code, Code, Code];

/** Defines the functions of the hash in a module. They keep one hash at a time. */
export function defineXxHash64(module: ModuleBuilder): XxHash64 {
  const accumulators = [1, 2, 3, 4].map((number) => module.global(`accumulator${number}`, "i64"));
  const length = module.global("hashedBytes", "i32");
  return {
    begin: module.define("begin", { parameters: [] }, () => begin(accumulators, length)).call,
    addStripes: defineAddStripes(module, accumulators, length),
    finish: defineFinish(module, accumulators, length),
    length: length.get,
  };
}

function begin(accumulators: readonly Variable[], length: Variable): readonly Code[] {
  const first = [i64.add(prime1, prime2), prime2, i64.const(0n), i64.mul(prime1, i64.const(-1n))];
  return [...accumulators.map((accumulator, lane) => accumulator.set(first[lane] ?? [])), length.set(i32.const(0))];
}

function round(accumulator: Code, lane: Code): Code {
  return i64.mul(i64.rotl(i64.add(accumulator, i64.mul(lane, prime2)), i64.const(31n)), prime1);
}

function defineAddStripes(module: ModuleBuilder, accumulators: readonly Variable[], length: Variable) {
  const shape = { parameters: ["i32", "i32"], locals: ["i64", "i64", "i64", "i64"] } as const;
  return module.define("addStripes", shape, ([at, end, ...lanes]) => {
    if (!at || !end) return [];
    const isWhole = i32.leU(i32.add(at.get, i32.const(32)), end.get);
    return [
      length.set(i32.add(length.get, i32.and(i32.sub(end.get, at.get), i32.const(-32)))),
      // In locals, which the machine keeps in registers.
      ...lanes.map((lane, index) => lane.set(accumulators[index]?.get ?? [])),
      repeat(isWhole, [
        ...lanes.map((lane, index) => lane.set(round(lane.get, i64.load(at.get, index * 8)))),
        at.set(i32.add(at.get, i32.const(32))),
      ]),
      ...accumulators.map((accumulator, index) => accumulator.set(lanes[index]?.get ?? [])),
    ];
  }).call;
}

function defineFinish(module: ModuleBuilder, accumulators: readonly Variable[], length: Variable) {
  const shape = { parameters: ["i32", "i32"], locals: ["i64"], result: "i64" } as const;
  return module.define("finish", shape, ([at, end, hash]) => {
    if (!at || !end || !hash) return [];
    const rest = (bytes: number) => i32.leU(i32.add(at.get, i32.const(bytes)), end.get);
    const mix = (value: Code, turn: bigint, factor: Code, addend: Code) =>
      hash.set(i64.add(i64.mul(i64.rotl(i64.xor(hash.get, value), i64.const(turn)), factor), addend));
    const step = (bytes: number) => at.set(i32.add(at.get, i32.const(bytes)));
    const none = i64.const(0n);
    const total = i64.fromU32(i32.sub(i32.add(length.get, end.get), at.get));
    return [
      when(i32.eqz(length.get), [hash.set(prime5)], [hash.set(converge(accumulators.map(({ get }) => get)))]),
      hash.set(i64.add(hash.get, total)),
      repeat(rest(8), [mix(round(none, i64.load(at.get)), 27n, prime1, prime4), step(8)]),
      when(rest(4), [mix(i64.mul(i64.load32(at.get), prime1), 23n, prime2, prime3), step(4)]),
      repeat(rest(1), [mix(i64.mul(i64.load8(at.get), prime5), 11n, prime1, none), step(1)]),
      hash.set(i64.mul(i64.xor(hash.get, i64.shrU(hash.get, i64.const(33n))), prime2)),
      hash.set(i64.mul(i64.xor(hash.get, i64.shrU(hash.get, i64.const(29n))), prime3)),
      i64.xor(hash.get, i64.shrU(hash.get, i64.const(32n))),
    ];
  }).call;
}

/** The accumulators become one: their rotations' sum, then each merged into it. */
function converge(accumulators: readonly Code[]): Code {
  const turns = [1n, 7n, 12n, 18n];
  const sum = accumulators
    .map((accumulator, lane) => i64.rotl(accumulator, i64.const(turns[lane] ?? 0n)))
    .reduce((total, turned) => i64.add(total, turned));
  return accumulators.reduce(
    (merged, accumulator) => i64.add(i64.mul(i64.xor(merged, round(i64.const(0n), accumulator)), prime1), prime4),
    sum,
  );
}
