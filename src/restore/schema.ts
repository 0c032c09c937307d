import type { Manifest, ManifestFile } from "../backup/manifest.js";
import type { SoundBackup } from "../backup/verify.js";
import { sha256 } from "../core/digest.js";
import { RoomctlError } from "../core/errors.js";
import { loadParser } from "../db/parse.js";
import type { Queryable } from "../db/pool.js";
import { type PostDataPlan, planPostData } from "./post-data-plan.js";
import { readScript, type ScriptStatement } from "./script.js";

/** The two scripts of a backup, read and taken apart. */
export interface SchemaScripts {
  readonly preData: readonly ScriptStatement[];
  readonly postData: PostDataPlan;
  readonly files: { readonly preData: string; readonly postData: string };
}

/** True for a backup whose schema comes back by scripts, so that it can make a database whole. */
export function hasScripts({ schema }: Manifest): boolean {
  return schema.origin === "pg_dump" || schema.origin === "catalog";
}

/** Throws E_SCHEMA when the backup has no scripts, E_BACKUP_DAMAGED when they are not as they were written. */
export async function readScripts(queryable: Queryable, { stored, manifest }: SoundBackup): Promise<SchemaScripts> {
  const { schema } = manifest;
  if (schema.origin !== "pg_dump" && schema.origin !== "catalog") {
    throw new RoomctlError(
      "E_SCHEMA",
      `backup ${manifest.id} holds no schema that could be run: ${schema.origin === "none" ? schema.why : "it names migrations"}`,
      {
        hint: "make the tables first, then: roomctl backup restore",
      },
    );
  }
  const names = await queryable.query<{ name: string }>("SELECT lower(name) AS name FROM pg_settings");
  const known = new Set(names.map(({ name }) => name));
  const parser = await loadParser();
  const read = async (file: ManifestFile) => readScript(parser, await readChecked(stored, file), known);
  return {
    preData: await read(schema.preData),
    postData: planPostData(await read(schema.postData)),
    files: { preData: schema.preData.file, postData: schema.postData.file },
  };
}

/** A stored text file, held against its digest once more: it may have changed since the backup was verified. */
export async function readChecked(
  stored: SoundBackup["stored"],
  { file, sha256: expected }: ManifestFile,
): Promise<string> {
  const text = await stored.readText(file);
  if (sha256(text) === expected) return text;
  throw new RoomctlError("E_BACKUP_DAMAGED", `${file} was changed: its SHA-256 does not match`);
}
