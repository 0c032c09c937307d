import { expect, test } from "vitest";
import { orderChildrenFirst, pathToChosen, traceTruncate } from "../../src/wipe/cascade.js";
import type { ForeignKeyRow, Relation } from "../../src/wipe/relations.js";

function relation(oid: number, more: Partial<Relation> = {}): Relation {
  return {
    oid,
    schema: "public",
    name: `t${oid}`,
    kind: "table",
    isPartition: false,
    parents: [],
    columns: [],
    ...more,
  };
}

/** `[child, parent]`, or with a third number the key that it copies; the first has oid 101. */
function graphOf(relations: readonly Relation[], keys: readonly (readonly [number, number, number?])[]) {
  const foreignKeys: ForeignKeyRow[] = keys.map(([child, parent, copyOf], index) => ({
    oid: 101 + index,
    name: `fk${101 + index}`,
    child,
    parent,
    copyOf: copyOf ?? 0,
    columns: ["id"],
    onDelete: "CASCADE",
  }));
  return { relations: new Map(relations.map((one) => [one.oid, one])), foreignKeys };
}

const plain = (count: number) => Array.from({ length: count }, (_, index) => relation(index + 1));
const reach = (graph: ReturnType<typeof graphOf>, chosen: readonly number[]) =>
  [...traceTruncate(graph, chosen).keys()].sort((a, b) => a - b);

test("a chain, a circle and a table that refers to itself all end", () => {
  const graph = graphOf(plain(5), [
    [2, 1],
    [3, 2],
    [1, 3],
    [4, 4],
  ]);
  expect(reach(graph, [1])).toEqual([1, 2, 3]);
  expect(reach(graph, [4])).toEqual([4]);
});

test("a parent is never emptied because of its child", () => {
  expect(reach(graphOf(plain(2), [[2, 1]]), [2])).toEqual([2]);
});

test("of two ways the shorter one is shown", () => {
  const graph = graphOf(plain(4), [
    [2, 1],
    [3, 2],
    [4, 3],
    [4, 1],
  ]);
  const path = pathToChosen(traceTruncate(graph, [1]), 4);
  expect(path.map(({ child, parent }) => [child, parent])).toEqual([[4, 1]]);
});

test("heirs go with a chosen table, but not with one that a cascade adds", () => {
  const graph = graphOf([...plain(2), relation(3, { parents: [1] }), relation(4, { parents: [2] })], [[2, 1]]);
  expect(reach(graph, [1])).toEqual([1, 2, 3]);
});

test("a partition leads to all who refer to its root", () => {
  const root = relation(1, { kind: "partitioned" });
  const partition = relation(2, { isPartition: true, parents: [1] });
  const graph = graphOf(
    [root, partition, relation(3), relation(4)],
    [
      [3, 1],
      [3, 2, 101],
      [4, 1],
    ],
  );
  expect(reach(graph, [2])).toEqual([2, 3, 4]);
});

test("children come before the tables they refer to", () => {
  const graph = graphOf(plain(4), [
    [2, 1],
    [3, 2],
    [1, 4],
  ]);
  expect(orderChildrenFirst(graph, [1, 2, 3])).toEqual([3, 2, 1]);
  expect(orderChildrenFirst(graph, [4, 1])).toEqual([1, 4]);
});
