/**
 * An assembler for small WebAssembly modules, for what JavaScript does slowly: 64-bit arithmetic over many bytes. An
 * expression is its bytes, operands first, so calls nest as the expression does: `i64.add(a.get, i64.const(1n))`.
 * Opcodes and sections as in https://webassembly.github.io/spec/core/binary/
 */
export type Code = readonly number[];

type ValueType = "i32" | "i64";

export interface Variable {
  readonly get: Code;
  set(value: Code): Code;
}

const operator =
  (opcode: number) =>
  (...operands: readonly Code[]): Code => [...operands.flat(), opcode];
/** Without a promise of alignment. */
const load =
  (opcode: number) =>
  (address: Code, offset = 0): Code => [...address, opcode, 0, ...unsigned(offset)];

export const i32 = {
  const: (value: number): Code => [0x41, ...signed(BigInt(value))],
  load8: load(0x2d),
  eqz: operator(0x45),
  eq: operator(0x46),
  ne: operator(0x47),
  ltU: operator(0x49),
  leU: operator(0x4d),
  add: operator(0x6a),
  sub: operator(0x6b),
  and: operator(0x71),
  or: operator(0x72),
  shl: operator(0x74),
};

export const i64 = {
  const: (value: bigint): Code => [0x42, ...signed(BigInt.asIntN(64, value))],
  load: load(0x29),
  load8: load(0x31),
  load32: load(0x35),
  add: operator(0x7c),
  mul: operator(0x7e),
  xor: operator(0x85),
  shrU: operator(0x88),
  rotl: operator(0x89),
  fromU32: operator(0xad),
};

export const returns = operator(0x0f);

export const memoryCopy = (to: Code, from: Code, bytes: Code): Code => [...to, ...from, ...bytes, 0xfc, 0x0a, 0, 0];

const nothing = 0x40;

export function when(condition: Code, then: readonly Code[], otherwise: readonly Code[] = []): Code {
  const rest = otherwise.length > 0 ? [0x05, ...otherwise.flat()] : [];
  return [...condition, 0x04, nothing, ...then.flat(), ...rest, 0x0b];
}

/** Again as long as the condition holds; it is asked before each turn. */
export function repeat(condition: Code, body: readonly Code[]): Code {
  return [0x03, nothing, ...when(condition, [...body, [0x0c, 1]]), 0x0b];
}

/** What of a module's functions the code of others needs. */
interface WasmFunction {
  readonly call: (...values: readonly Code[]) => Code;
}

export interface ModuleBuilder {
  /** A mutable variable of the module, 0 at first; JavaScript sees it by its name. */
  global(name: string, type: ValueType): Variable;
  /** Parameters come first in `locals`; only what is defined before can be called. Exported by its name. */
  define(name: string, shape: FunctionShape, body: (locals: readonly Variable[]) => readonly Code[]): WasmFunction;
  /** Of a module that imports its memory as `host.memory`. */
  bytes(): Uint8Array<ArrayBuffer>;
}

interface FunctionShape {
  readonly parameters: readonly ValueType[];
  readonly locals?: readonly ValueType[];
  readonly result?: ValueType;
}

export function createModule(): ModuleBuilder {
  const globals: { readonly name: string; readonly type: ValueType }[] = [];
  const functions: { readonly name: string; readonly shape: FunctionShape; readonly body: Code }[] = [];
  return {
    global(name, type) {
      globals.push({ name, type });
      return variable(0x23, globals.length - 1);
    },
    define(name, shape, body) {
      const locals = [...shape.parameters, ...(shape.locals ?? [])].map((_, index) => variable(0x20, index));
      functions.push({ name, shape, body: body(locals).flat() });
      const index = functions.length - 1;
      return { call: (...values) => [...values.flat(), 0x10, ...unsigned(index)] };
    },
    bytes: () =>
      new Uint8Array([
        ...[0x00, 0x61, 0x73, 0x6d, 1, 0, 0, 0],
        ...section(
          1,
          functions.map(({ shape }) => signature(shape)),
        ),
        ...section(2, [[...text("host"), ...text("memory"), 2, 0, 1]]),
        ...section(
          3,
          functions.map((_, index) => unsigned(index)),
        ),
        ...section(
          6,
          globals.map(({ type }) => [typeCode[type], 1, ...(type === "i32" ? i32.const(0) : i64.const(0n)), 0x0b]),
        ),
        ...section(7, [
          ...globals.map(({ name }, index) => [...text(name), 3, ...unsigned(index)]),
          ...functions.map(({ name }, index) => [...text(name), 0, ...unsigned(index)]),
        ]),
        ...section(
          10,
          functions.map(({ shape, body }) => functionBody(shape, body)),
        ),
      ]),
  };
}

const typeCode: Record<ValueType, number> = { i32: 0x7f, i64: 0x7e };

function variable(get: number, index: number): Variable {
  const place = unsigned(index);
  return { get: [get, ...place], set: (value) => [...value, get + 1, ...place] };
}

function signature({ parameters, result }: FunctionShape): Code {
  const types = (list: readonly ValueType[]) => [list.length, ...list.map((type) => typeCode[type])];
  return [0x60, ...types(parameters), ...types(result ? [result] : [])];
}

function functionBody({ locals = [] }: FunctionShape, body: Code): Code {
  const code = [...vector(locals.map((type) => [1, typeCode[type]])), ...body, 0x0b];
  return [...unsigned(code.length), ...code];
}

function section(id: number, items: readonly Code[]): Code {
  const content = vector(items);
  return [id, ...unsigned(content.length), ...content];
}

function vector(items: readonly Code[]): Code {
  return [...unsigned(items.length), ...items.flat()];
}

function text(value: string): Code {
  return vector([...Buffer.from(value)].map((byte) => [byte]));
}

/** LEB128: seven bits a byte, the lowest first. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: bigint): Code {
  const low = Number(value & 0x7fn);
  const rest = value >> 7n;
  const isLast = rest === (low & 0x40 ? -1n : 0n);
  return isLast ? [low] : [low | 0x80, ...signed(rest)];
}
