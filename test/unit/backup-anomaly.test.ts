import { expect, test } from "vitest";
import { findAnomalies } from "../../src/backup/anomaly.js";
import type { ManifestTable } from "../../src/backup/manifest.js";
import { describeBackup, describeTable } from "../support/stored-backup.js";

const parents = (...names: readonly string[]) => names.map((name) => ({ schema: "public", name }));

/** Rows by table; `leaf < middle < root` is a partition. */
function manifest(rows: Readonly<Record<string, number>>, at = "2026-11-20T03:00:00Z") {
  const tables = Object.entries(rows).map(([line, count], index): ManifestTable => {
    const [name = "", ...above] = line.split(" < ");
    return { ...describeTable(name, 0, index).table, rows: count, ancestors: parents(...above) };
  });
  return describeBackup({ id: "2026-11-20T030000Z-000001", at, tables });
}

function problems(before: Readonly<Record<string, number>>, after: Readonly<Record<string, number>>) {
  return findAnomalies(manifest(before), manifest(after)).map(
    ({ problem, table, before, after }) => `${problem} ${table?.name ?? "-"} ${before} ${after}`,
  );
}

test("a table that lost half of its rows and a thousand of them is found, one that lost less is not", () => {
  expect(problems({ chat: 2000, all: 90_000 }, { chat: 1000, all: 90_000 })).toEqual(["table-rows chat 2000 1000"]);
  expect(problems({ chat: 2001, all: 90_000 }, { chat: 1001, all: 90_000 })).toEqual([]);
  expect(problems({ chat: 1998, all: 90_000 }, { chat: 999, all: 90_000 })).toEqual([]);
  expect(problems({ chat: 1000, all: 90_000 }, { chat: 0, all: 90_000 })).toEqual(["table-rows chat 1000 0"]);
});

test("a table with rows that is gone is found, an empty one is not", () => {
  expect(problems({ chat: 1, empty: 0 }, {})).toEqual(["table-gone chat 1 0"]);
});

test("everything together can collapse while each table alone does not", () => {
  const before = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`t${index}`, 900]));
  const after = Object.fromEntries(Array.from({ length: 4 }, (_, index) => [`t${index}`, 400]));
  expect(problems(before, after)).toEqual(["total-rows - 3600 1600"]);
});

test("growth, a new table and a small app are nothing to speak of", () => {
  expect(problems({ chat: 10 }, { chat: 20_000, more: 5 })).toEqual([]);
  expect(problems({ chat: 600, rooms: 300 }, { chat: 1, rooms: 1 })).toEqual([]);
});

test("partitions count as their root: one that rotates is nothing, all that empty are", () => {
  const days = (first: number, rows: number) =>
    Object.fromEntries(Array.from({ length: 5 }, (_, day) => [`day${first + day} < month1 < log`, rows]));
  expect(problems(days(1, 5000), days(2, 5000))).toEqual([]);
  expect(problems({ ...days(1, 5000), users: 90_000 }, { ...days(1, 100), users: 90_000 })).toEqual([
    "table-rows log 25000 500",
  ]);
  expect(problems({ "day1 < log": 9000, users: 90_000 }, { users: 90_000 })).toEqual(["table-gone log 9000 0"]);
});

test("sub-partitions of different depth are one table, whichever comes first", () => {
  const before = { "a < sub < log": 3000, "b < log": 3000, "c < sub < log": 1, users: 90_000 };
  const after = { "b < log": 1000, "a < sub < log": 1000, users: 90_000 };
  expect(problems(before, after)).toEqual(["table-rows log 6001 2000"]);
});

test("bytes can collapse while rows do not, and the finding says both numbers and the other backup", () => {
  const withBytes = (rawBytes: number, at: string) => {
    const { table } = describeTable("chat", 5);
    const chunks = table.chunks.map((chunk) => ({ ...chunk, blocks: [[rawBytes, 9, "00"] as const] }));
    return describeBackup({ id: "2026-11-19T030000Z-000001", at, tables: [{ ...table, chunks }] });
  };
  const [before, after] = [withBytes(9_000_000, "2026-11-19T03:00:00Z"), withBytes(4_000_000, "2026-11-20T03:00:00Z")];
  expect(findAnomalies(before, after)).toEqual([
    {
      problem: "total-bytes",
      table: null,
      before: 9_000_000,
      after: 4_000_000,
      message: "all tables together have 4000000 bytes; they had 9000000 bytes in the backup 2026-11-19T030000Z-000001",
    },
  ]);
  expect(findAnomalies(before, withBytes(8_500_000, "2026-11-20T03:00:00Z"))).toEqual([]);
});
