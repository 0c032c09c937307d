import { expect, test } from "vitest";
import { isBackupId, newBackupId } from "../../src/backup/id.js";
import { formatManifest, type Manifest, manifestFormat, parseManifest } from "../../src/backup/manifest.js";

const id = "2026-11-20T030000Z-ab12cd";
const manifest: Manifest = {
  formatVersion: manifestFormat,
  toolVersion: "0.1.0",
  id,
  createdAt: "2026-11-20T03:00:00.000Z",
  note: null,
  source: { database: 'odd "name"\n', serverVersion: "18.4", systemIdentifier: "1", encoding: "UTF8" },
  environment: null,
  isWhole: true,
  tables: [],
  sequences: [],
  migrations: [],
  skipped: [],
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
  const newer = formatManifest({ ...manifest, formatVersion: 2 });
  expect(() => parseManifest(newer, id)).toThrow(/its format 2 is newer/);
});

test("a file outside the backup's folder is refused, even with a sound digest", () => {
  const table = {
    schema: "public",
    name: "a",
    ancestors: [],
    columns: [],
    rows: 0,
    fingerprint: "0",
    codec: "gzip",
  } as const;
  const sizes = { sizeBytes: 0, sha256: "", rawBytes: 0, rawSha256: "" };
  const outside = { ...manifest, tables: [{ ...table, ...sizes, file: "data/../../other/0001.copy.gz" }] };
  expect(() => parseManifest(formatManifest(outside), id)).toThrow(/outside its folder/);
});

test("ids sort by time and are recognised", () => {
  const early = newBackupId(new Date("2026-11-20T03:00:00.999Z"), "ffffff");
  const late = newBackupId(new Date("2026-11-20T03:00:01Z"), "000000");
  expect(early).toBe("2026-11-20T030000Z-ffffff");
  expect([late, early].sort()).toEqual([early, late]);
  expect(isBackupId(newBackupId(new Date()))).toBe(true);
  expect(["..", "latest", `${id}.partial`, `${id}/x`].some(isBackupId)).toBe(false);
});
