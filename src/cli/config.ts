import { existsSync } from "node:fs";
import { basename, dirname, resolve } from "node:path";
import type { AppDefinition } from "../core/catalogue.js";
import { messageOf, RoomctlError } from "../core/errors.js";
import { referenceApp } from "../core/reference-app.js";

/** What a configuration file says, checked, with paths made absolute. Without a file: the reference app and nothing else. */
export interface ConfigFile {
  /** For origins: the file's name, or "no configuration file". */
  readonly label: string;
  readonly path?: string;
  /** Paths in the file count from here. */
  readonly directory: string;
  /** Plain settings by key: `database`, `repo`, `stateDir` … */
  readonly values: Readonly<Record<string, string | undefined>>;
  readonly app: AppDefinition;
  /** False when the reference app is in force. */
  readonly hasOwnApp: boolean;
}

export const configFileNames = ["roomctl.config.ts", "roomctl.config.mjs", "roomctl.config.js", "roomctl.config.json"];

/** Reads the file that `--config` names, or the first of `configFileNames` in the working directory. Throws E_CONFIG naming the key. */
export async function readConfig(named: string | undefined, workingDirectory: string): Promise<ConfigFile> {
  const candidates = named === undefined ? configFileNames : [named];
  const path = candidates.map((name) => resolve(workingDirectory, name)).find((candidate) => existsSync(candidate));
  if (path !== undefined) return load(path);
  if (named === undefined) {
    return {
      label: "no configuration file",
      directory: workingDirectory,
      values: {},
      app: referenceApp,
      hasOwnApp: false,
    };
  }
  throw new RoomctlError("E_CONFIG", `there is no configuration file ${resolve(workingDirectory, named)}`, {
    hint: "correct --config, or leave it out to use the reference app",
  });
}

async function load(path: string): Promise<ConfigFile> {
  const [content, { parseConfig }] = await Promise.all([readContent(path), import("./config-schema.js")]);
  const directory = dirname(path);
  const { values, app } = parseConfig(content, path);
  return { label: basename(path), path, directory, values, app, hasOwnApp: app !== referenceApp };
}

async function readContent(path: string): Promise<unknown> {
  const { cosmiconfig } = await import("cosmiconfig");
  const explorer = cosmiconfig("roomctl", {
    loaders: {
      ".ts": async (file: string) => {
        const { createJiti } = await import("jiti");
        return createJiti(import.meta.url).import(file, { default: true });
      },
    },
  });
  let content: unknown;
  try {
    const found = await explorer.load(path);
    content = found?.config;
  } catch (cause) {
    throw new RoomctlError("E_CONFIG", `cannot read the configuration ${path}: ${messageOf(cause)}`, {
      hint: "correct the file; roomctl help configuration shows one",
    });
  }
  if (content !== undefined && content !== null) return content;
  // A truncated file must not pass for "the reference app": its migrations would go into somebody's database.
  throw new RoomctlError("E_CONFIG", `the configuration ${path} is empty`, {
    hint: "write {} into it to mean the reference app; roomctl help configuration shows more",
  });
}
