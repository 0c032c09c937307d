import { resolve } from "node:path";
import { RoomctlError } from "../core/errors.js";
import type { FindOptions } from "../db/pg-dump-find.js";
import type { Flag, ParsedInput } from "./command.js";
import { parseScratch, type ScratchChoice, scratchFlag } from "./scratch-options.js";

const schemaOrigins = ["auto", "pg_dump", "migrations", "catalog", "none"] as const;
type SchemaOrigin = (typeof schemaOrigins)[number];

export interface SchemaChoice extends ScratchChoice {
  readonly schema: SchemaOrigin;
  /** The one to use, by its absolute path. */
  readonly pgDump?: string;
  /** Where to look for it otherwise; in this process's PATH, and where packages put it, unless told. */
  readonly programs?: Pick<FindOptions, "searchPath" | "folders">;
}

/** What `backup create` takes to say how the schema is kept. */
export const schemaFlags: readonly Flag[] = [
  {
    flags: "--schema <origin>",
    description: "How to keep the schema: pg_dump, migrations, catalog or none (default: auto, the first that can)",
  },
  {
    flags: "--pg-dump <path>",
    description: "The pg_dump to use (default: the best fitting one in PATH and where packages put it)",
  },
  scratchFlag,
];

/** Reads --schema, --pg-dump and --scratch-url. Throws E_USAGE, E_CONFIG. */
export function parseSchemaChoice(input: ParsedInput): SchemaChoice {
  const { schema = "auto", pgDump } = input.flags;
  const origin = schemaOrigins.find((name) => name === schema);
  if (origin === undefined) {
    throw new RoomctlError("E_USAGE", `--schema is none of ${schemaOrigins.join(", ")}: ${JSON.stringify(schema)}`, {
      hint: "roomctl backup create --schema auto",
    });
  }
  const program = typeof pgDump === "string" ? { pgDump: resolve(pgDump) } : {};
  return { ...parseScratch(input), ...program, schema: origin };
}
