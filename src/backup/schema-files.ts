import { finished, pipeline } from "node:stream/promises";
import { sha256 } from "../core/digest.js";
import type { ManifestFile, ManifestSchema } from "./manifest.js";
import type { Draft } from "./repository.js";

/** How the objects around the rows will come back, before it is written: see `ManifestSchema`. */
export type CapturedSchema =
  | {
      readonly origin: "pg_dump" | "catalog";
      readonly writtenBy: string;
      readonly preData: string;
      readonly postData: string;
    }
  | {
      readonly origin: "migrations";
      readonly writtenBy: string;
      readonly files: readonly { readonly name: string; readonly text: string }[];
    }
  | { readonly origin: "none"; readonly why: string };

/** Writes a schema's files into the draft. */
export async function writeSchemaFiles(draft: Draft, schema: CapturedSchema): Promise<ManifestSchema> {
  if (schema.origin === "none") return schema;
  const { origin, writtenBy } = schema;
  if (origin === "migrations") {
    const files: ManifestFile[] = [];
    for (const { name, text } of schema.files) files.push(await writeText(draft, `schema/migrations/${name}`, text));
    return { origin, writtenBy, files };
  }
  return {
    origin,
    writtenBy,
    preData: await writeText(draft, "schema/pre-data.sql", schema.preData),
    postData: await writeText(draft, "schema/post-data.sql", schema.postData),
  };
}

/** Writes a whole file; its bytes have reached the disk when this returns. */
export async function writeText(draft: Draft, file: string, text: string): Promise<ManifestFile> {
  const bytes = Buffer.from(text);
  const output = draft.createFile(file);
  await pipeline([bytes], output);
  await finished(output);
  return { file, sizeBytes: bytes.length, sha256: sha256(bytes) };
}
