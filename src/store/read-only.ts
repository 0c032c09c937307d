import { RoomctlError } from "../core/errors.js";

type Plain = string | number | bigint | boolean | symbol | null | undefined | ((...values: never[]) => unknown);

/** The same data, with nothing in it that can be assigned to. */
export type DeepReadonly<T> = T extends Plain
  ? T
  : T extends ReadonlyMap<infer Key, infer Value>
    ? ReadonlyMap<Key, DeepReadonly<Value>>
    : T extends ReadonlySet<infer Member>
      ? ReadonlySet<Member>
      : { readonly [Key in keyof T]: DeepReadonly<T[Key]> };

/** What is frozen already, all the way down: a new value usually shares most of its parts with the one before. */
const frozen = new WeakSet<object>();

/**
 * Freezes plain data (objects and arrays of it) in place, so that changing it throws. Throws E_USAGE for anything that
 * cannot be protected so: a Map, a Date or an instance of a class.
 */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== "object" || value === null || frozen.has(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== null && !Array.isArray(value)) throw notPlain(value);
  // Before its parts: data that refers to itself ends here.
  frozen.add(value);
  for (const part of Object.values(value)) deepFreeze(part);
  return Object.freeze(value);
}

function notPlain(value: object): RoomctlError {
  return new RoomctlError("E_USAGE", `a value of a DualMap holds a ${value.constructor.name}, which cannot be frozen`, {
    hint: "keep plain data in it: objects, arrays, strings, numbers (a moment as epoch milliseconds)",
  });
}
