import { expect, test } from "vitest";
import type { WipeScope } from "../../src/core/catalogue.js";
import { referenceScopes } from "../../src/core/reference-scopes.js";
import { formatName } from "../../src/db/identifier.js";
import { resolveScopes } from "../../src/wipe/scope.js";
import { wipeCommand } from "../../src/wipe/stale.js";

const tablesOf = (scopes: readonly WipeScope[], names: readonly string[]) =>
  resolveScopes(scopes, names).tables.map(({ name }) => formatName(name));

test("the scope all is every other scope and the outbox", () => {
  const all = resolveScopes(referenceScopes, ["all"]);
  const others = referenceScopes.filter(({ name }) => name !== "all").flatMap(({ tables }) => tables);
  expect(all.tables.map(({ name }) => formatName(name))).toEqual([...others, "roomctl.outbox"]);
  expect(all.tables.filter(({ isOptional }) => isOptional)).toHaveLength(1);
  expect(all.resets).toHaveLength(1);
});

test("no name means all; without such a scope, every scope", () => {
  expect(resolveScopes(referenceScopes, []).scopes).toEqual(["all"]);
  const own = [
    { name: "a", summary: "", tables: ["x"] },
    { name: "b", summary: "", tables: ["y", "x"] },
  ];
  expect(resolveScopes(own, []).scopes).toEqual(["a", "b"]);
  expect(tablesOf(own, [])).toEqual(["x", "y"]);
});

test("scopes that include each other end", () => {
  const circle = [
    { name: "a", summary: "", tables: ["x"], includes: ["b"] },
    { name: "b", summary: "", tables: ["y"], includes: ["a", "*"] },
  ];
  expect(tablesOf(circle, ["a"])).toEqual(["x", "y"]);
});

test("a table named twice is taken once, and required where one scope requires it", () => {
  const scopes = [
    { name: "a", summary: "", tables: [], optionalTables: ["x"] },
    { name: "b", summary: "", tables: ["public.x", '"X"'] },
  ];
  const { tables } = resolveScopes(scopes, ["a", "b", "a"]);
  expect(tables.map(({ name, isOptional }) => [formatName(name), isOptional])).toEqual([
    ["x", false],
    ['"X"', false],
  ]);
});

test("an unknown scope is answered with the near ones and the list", () => {
  expect(() => resolveScopes(referenceScopes, ["room"])).toThrow(
    expect.objectContaining({
      code: "E_UNKNOWN_SCOPE",
      message: expect.stringContaining("did you mean rooms?"),
      hint: expect.stringMatching(/usc, users, invites, .*, all$/),
    }),
  );
  expect(() => resolveScopes(referenceScopes, ["everything at once"])).toThrow(
    expect.objectContaining({ message: expect.not.stringContaining("did you mean") }),
  );
});

test.each(["roomctl.operations", "roomctl.migrations", "roomctl.marker", "roomctl.anything"])(
  "a configured scope may not name %s",
  (table) => {
    const named = [{ name: "mine", summary: "", tables: [table] }];
    const optional = [{ name: "mine", summary: "", tables: [], optionalTables: [table] }];
    for (const scopes of [named, optional]) {
      expect(() => resolveScopes(scopes, ["mine"])).toThrow(expect.objectContaining({ code: "E_CONFIG" }));
    }
  },
);

test("the command to type next survives a shell", () => {
  expect(wipeCommand(["rooms", "my 'own'"])).toBe(`roomctl wipe --scope rooms --scope 'my '\\''own'\\'''`);
});
