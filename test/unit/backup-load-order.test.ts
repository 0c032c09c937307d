import { expect, test } from "vitest";
import { loadOrder, type Reference } from "../../src/restore/load-order.js";

const reference = (child: string, parent: string): Reference => ({ constraint: `${child}->${parent}`, child, parent });

test("parents come before children, whatever the order they are given in", () => {
  const { order, suspended } = loadOrder(
    ["c", "a", "b"],
    [reference("c", "b"), reference("b", "a"), reference("c", "a")],
  );
  expect(order).toEqual(["a", "b", "c"]);
  expect(suspended.size).toBe(0);
});

test("a reference to itself or to a table that is not loaded is no obstacle", () => {
  const { order, suspended } = loadOrder(["a", "b"], [reference("a", "a"), reference("b", "elsewhere")]);
  expect(order).toEqual(["a", "b"]);
  expect(suspended.size).toBe(0);
});

test("only references that close a circle are suspended, not those that lead to or away from it", () => {
  const references = [
    reference("leaf", "x"),
    reference("x", "y"),
    reference("y", "z"),
    reference("z", "x"),
    reference("z", "root"),
  ];
  const { order, suspended } = loadOrder(["leaf", "x", "y", "z", "root"], references);
  expect([...order].sort()).toEqual(["leaf", "root", "x", "y", "z"]);
  expect(suspended.size).toBe(1);
  expect(["x->y", "y->z", "z->x"]).toContain([...suspended][0]);
  for (const { constraint, child, parent } of references) {
    if (!suspended.has(constraint)) expect(order.indexOf(parent)).toBeLessThan(order.indexOf(child));
  }
});

test("a chain of a thousand tables is ordered without trouble", () => {
  const names = Array.from({ length: 1000 }, (_, n) => `t${n}`);
  const { order } = loadOrder(
    names,
    names.slice(1).map((name, n) => reference(`t${n}`, name)),
  );
  expect(order).toEqual([...names].reverse());
});
