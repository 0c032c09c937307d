import { expect, test } from "vitest";
import type { RowMatch } from "../../src/audit/compare-rows.js";
import { judgeEntry } from "../../src/audit/compare-verdict.js";
import { askByHand, parseControlAddress } from "../../src/audit/live-address.js";
import { catalogueFindings, pendingFindings } from "../../src/audit/live-findings.js";
import type { ContainerAnswer, EntryAnswer } from "../../src/audit/live-protocol.js";
import type { LiveContainer } from "../../src/audit/live-report.js";
import { findTarget } from "../../src/audit/live-target.js";
import { liveLines } from "../../src/commands/audit-live-lines.js";
import type { StateEntry } from "../../src/core/catalogue.js";
import type { TableFacts } from "../../src/db/schema.js";
import { plainStyle } from "../../src/report/style.js";

const again = { again: "roomctl audit --live unix:/x" };

function container(parts: Partial<ContainerAnswer> = {}): ContainerAnswer {
  return { name: "games", persistence: "write-behind", table: "games", size: 1, pending: 0, complete: false, ...parts };
}

function entry(parts: Partial<EntryAnswer> = {}): EntryAnswer {
  return { key: "k", version: "5", pending: false, row: { id: "k" }, ...parts };
}

function match(parts: Partial<RowMatch> = {}): RowMatch {
  return { key: '["k"]', isThere: true, version: "5", epoch: "7", fields: [], ...parts };
}

test.each([
  ["unix:/run/rooms.sock", "unix:/run/rooms.sock", "/run/rooms.sock", "http://localhost", true],
  ["unix:///run/rooms.sock", "unix:/run/rooms.sock", "/run/rooms.sock", "http://localhost", true],
  ["http://127.0.0.1:9000/", "http://127.0.0.1:9000", undefined, "http://127.0.0.1:9000", true],
  [
    "http://rooms.internal:9000/control/",
    "http://rooms.internal:9000/control",
    undefined,
    "http://rooms.internal:9000/control",
    false,
  ],
  ["https://rooms.internal", "https://rooms.internal", undefined, "https://rooms.internal", true],
])("%s is an address of a server", (text, shown, socketPath, base, isSecure) => {
  expect(parseControlAddress(text)).toEqual({ shown, socketPath, base, isSecure });
});

test.each([
  "",
  "rooms",
  "unix:rooms.sock",
  "ftp://host/",
  "http://",
  "http://me:secret@host/",
  "http://host/?a=1",
  "http://host/#a",
])("%j is refused as an address, and not repeated", (text) => {
  expect(() => parseControlAddress(text)).toThrow(
    expect.objectContaining({ code: "E_USAGE", message: expect.not.stringContaining("secret") }),
  );
});

test("the question by hand is one that a shell takes, whatever the path", () => {
  expect(askByHand(parseControlAddress("unix:/run/my rooms.sock"), "/state")).toBe(
    "curl --unix-socket '/run/my rooms.sock' http://localhost/state",
  );
});

test.each([
  ["agrees", entry(), match(), undefined],
  ["has no row", entry(), match({ isThere: false, version: null, epoch: null }), "live-missing-in-database"],
  ["has an older row", entry(), match({ version: "4" }), "live-stale"],
  ["has an older row of equal length", entry({ version: "10" }), match({ version: "9" }), "live-stale"],
  ["has a newer row", entry(), match({ version: "6" }), "live-ahead"],
  ["belongs to a later epoch", entry(), match({ epoch: "8", version: "1" }), "live-ahead"],
  ["was changed here and has a predecessor's row", entry(), match({ epoch: "6", version: "900" }), "live-stale"],
  [
    "was only loaded and has a predecessor's row",
    entry({ version: null }),
    match({ epoch: "6", version: "900" }),
    undefined,
  ],
  ["was only loaded and counts as version 0", entry({ version: "0" }), match({ version: "900" }), undefined],
  ["was only loaded and belongs to a later epoch", entry({ version: null }), match({ epoch: "8" }), "live-ahead"],
  [
    "has versions beyond a double",
    entry({ version: "9007199254740993" }),
    match({ version: "9007199254740992" }),
    "live-stale",
  ],
  ["has other values", entry(), match({ fields: [{ field: "n", memory: "1", database: "2" }] }), "live-differs"],
  ["holds what its column refuses", entry(), match({ isThere: false, refusal: "too long" }), "live-differs"],
  ["has no versions to compare", entry(), match({ version: null, epoch: null }), undefined],
])("an entry that %s is judged so", (_, memory, row, id) => {
  expect(judgeEntry(memory, row, "7")?.id).toBe(id);
});

function table(columns: readonly string[], primaryKey: readonly string[]): TableFacts {
  return {
    schema: "public",
    name: "games",
    oid: 1,
    kind: "table",
    isPartition: false,
    isUnlogged: false,
    hasRowSecurity: false,
    estimatedRows: 0,
    columns: columns.map((name) => ({
      name,
      type: "text",
      notNull: false,
      isGenerated: false,
      identity: null,
      hasDefault: false,
    })),
    primaryKey,
  };
}

test("versions are only taken for comparable beside an epoch, unless the server says so", () => {
  const both = table(["id", "version", "owner_epoch"], ["id"]);
  const alone = table(["id", "version"], ["id"]);
  expect(findTarget(container(), [both])).toMatchObject({
    target: { versionColumn: "version", epochColumn: "owner_epoch" },
  });
  expect(findTarget(container(), [alone])).toMatchObject({ target: { versionColumn: undefined } });
  expect(findTarget(container({ versionColumn: "version" }), [alone])).toMatchObject({
    target: { versionColumn: "version", epochColumn: undefined },
  });
  expect(findTarget(container({ versionColumn: null, epochColumn: null }), [both])).toMatchObject({
    target: { versionColumn: undefined, epochColumn: undefined },
  });
});

test.each([
  ["another table", container({ table: "other" }), "this database has no table other"],
  ["SQL for a table", container({ table: 'games"; DROP TABLE games; --' }), "is no name of a table"],
  ["a key that is no column", container({ key: ["id", "nope"] }), "games has no column nope"],
])("a container that names %s is not compared", (_, given, because) => {
  expect(findTarget(given, [table(["id"], ["id"])])).toEqual({ because: expect.stringContaining(because) });
});

test("a table without a primary key needs a key from the server", () => {
  const keyless = table(["id"], []);
  expect(findTarget(container(), [keyless])).toEqual({ because: expect.stringContaining("no primary key") });
  expect(findTarget(container({ key: ["id"] }), [keyless])).toHaveProperty("target");
});

function state(name: string, persistence: StateEntry["persistence"]): StateEntry {
  return { name, persistence, lossMeans: "gone", priority: "high", verdict: "persist" };
}

test("state that only one side knows, or that both know otherwise, is found", () => {
  const states = [
    state("games", "write-behind"),
    state("links", "write-behind"),
    state("presence", "ephemeral"),
    state("users", "durable"),
  ];
  const found = catalogueFindings(
    states,
    [container({ persistence: "ephemeral", table: null }), container({ name: "hidden" })],
    again,
  );
  expect(found.map(({ id, subject, severity }) => [id, subject, severity])).toEqual([
    ["live-unknown-state", "links", "warning"],
    ["live-unknown-state", "presence", "info"],
    ["live-unlisted-state", "hidden", "warning"],
    ["live-other-class", "games", "error"],
  ]);
});

test("changes on their way are a remark, and a warning when they wait too long", () => {
  const counts = { pending: 3, unsettled: 0 };
  expect(pendingFindings(container(), { pending: 0, unsettled: 0 }, again)).toEqual([]);
  expect(pendingFindings(container(), counts, again)).toMatchObject([
    { severity: "info", title: "games: 3 not written yet" },
  ]);
  expect(pendingFindings(container({ oldestPendingMs: 61_000 }), counts, again)).toMatchObject([
    { severity: "warning", why: expect.stringContaining("61 s") },
  ]);
});

test("a pipe gets a container a line with bare numbers", () => {
  const one: LiveContainer = {
    name: "games",
    persistence: "write-behind",
    table: "games",
    size: 2000,
    held: 2001,
    compared: 1999,
    pending: 2,
    unsettled: 1,
    outcome: "drift",
    because: null,
    driftCount: 4,
    drift: [],
    leftOut: [],
  };
  const server = { address: "unix:/x", instance: "i-1", epoch: "7", pid: 9, startedAt: null, database: "up" };
  expect(liveLines({ server, containers: [one, { ...one, outcome: "memory only" }] }, plainStyle)).toEqual([
    "",
    "In the memory of i-1 (epoch 7, process 9, database up)",
    "container\ttable\tin memory\tcompared\tpending\toutcome",
    "games\tgames\t2001\t1999\t3\tdrift: 4",
    "games\tgames\t2001\t–\t3\tmemory only",
  ]);
  expect(liveLines(undefined, plainStyle)).toEqual([]);
});
