import { expect, test } from "vitest";
import { isBackupId, newBackupId } from "../../src/backup/id.js";
import { formatManifest, type Manifest, manifestFormat, parseManifest } from "../../src/backup/manifest.js";
import { describeBackup, describeTable } from "../support/stored-backup.js";

const id = "2026-11-20T030000Z-ab12cd";
const manifest: Manifest = {
  ...describeBackup({ id, at: "2026-11-20T03:00:00Z", tables: [], database: 'odd "name"\n' }),
  formatVersion: manifestFormat,
};

test("a manifest that was written is read as it was", () => {
  expect(parseManifest(formatManifest(manifest), id)).toEqual(manifest);
});

test("any edit of a value, an added or a missing field shows", () => {
  const text = formatManifest(manifest);
  const damaged = [
    text.replace("18.4", "18.5"),
    text.replace('"note": null,', ""),
    text.replace('"note": null,', '"note": null, "more": 1,'),
    text.slice(0, -3),
    "",
    "[]",
    "null",
    "{}",
  ];
  for (const one of damaged) expect(() => parseManifest(one, id)).toThrow(/manifest\.json/);
});

test("a manifest under another backup's name is refused", () => {
  expect(() => parseManifest(formatManifest(manifest), "2026-11-20T030001Z-ab12cd")).toThrow(
    /it belongs to the backup/,
  );
});

test("a newer format is named as such, before its digest is judged", () => {
  const newer = formatManifest({ ...manifest, formatVersion: 3 });
  expect(() => parseManifest(newer, id)).toThrow(/its format 3 is newer/);
});

test.each([
  "data/../../other/0001.copy.zst",
  "/etc/passwd",
  "data/..",
  "manifest.json",
  "data/a/b",
  "schema/../x",
  "schema/..",
])("the file %s is outside the backup's data, and refused even with a sound digest", (file) => {
  const { table } = describeTable("a", 1);
  const outside = { ...manifest, tables: [{ ...table, chunks: table.chunks.map((chunk) => ({ ...chunk, file })) }] };
  expect(() => parseManifest(formatManifest(outside), id)).toThrow(/outside its folder/);
});

test("a format of before the first release is refused by its number", () => {
  expect(() => parseManifest(formatManifest({ ...manifest, formatVersion: 1 }), id)).toThrow(/its format 1/);
});

test("ids sort by time and are recognised", () => {
  const early = newBackupId(new Date("2026-11-20T03:00:00.999Z"), "ffffff");
  const late = newBackupId(new Date("2026-11-20T03:00:01Z"), "000000");
  expect(early).toBe("2026-11-20T030000Z-ffffff");
  expect([late, early].sort()).toEqual([early, late]);
  const at = (milliseconds: number) => newBackupId(new Date(Date.UTC(2026, 10, 20, 3, 0, 0, milliseconds)));
  const times = [0, 1, 15, 16, 255, 256, 998, 999];
  expect(
    times
      .map(at)
      .sort()
      .map((id) => Number.parseInt(id.slice(-6, -3), 16)),
  ).toEqual(times);
  expect(isBackupId(newBackupId(new Date()))).toBe(true);
  expect(["..", "latest", `${id}.partial`, `${id}/x`].some(isBackupId)).toBe(false);
});
