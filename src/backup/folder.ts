import { createWriteStream, lstatSync, mkdirSync } from "node:fs";
import { mkdir, open, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join, relative, sep } from "node:path";
import type { Writable } from "node:stream";
import { makeFolder } from "../core/make-folder.js";
import { mapParallel } from "../core/parallel.js";
import { currentOwner, hasEnded, type ProcessOwner } from "../db/process-owner.js";
import { fileFailure } from "./file-failure.js";
import { entries, syncFolder } from "./folder-entries.js";
import { removeMark, writeMark } from "./folder-mark.js";
import { falseWhenHeld, removeFolder, sweepRemoved } from "./folder-remove.js";
import { isBackupId } from "./id.js";
import type { Draft, OpenFile, Repository, StoredBackup, StoredFile } from "./repository.js";

const partial = ".partial";
const ownerFile = "owner.json";
/** A draft of another host, or without an owner, counts as left behind when nothing was written to it for this long. */
const abandonedAfterMs = 24 * 3_600_000;
/** How many files are asked about at once; Node has four threads for it unless told. */
const filesAtOnce = 8;

/** Backups as folders `ID/` in one folder; a draft is `ID.partial/`. Only its user may read any of it. */
export function openFolderRepository(location: string): Repository {
  return {
    location,
    listIds: async () => (await entries(location)).filter(isBackupId).sort().reverse(),
    read: (id) => readFolder(location, id),
    begin: (id) => beginFolder(location, id).catch((error: unknown) => Promise.reject(fileFailure(error, location))),
    remove: (id) => removeFolder(location, id),
    sweep: async (now) => [...(await sweepDrafts(location, now)), ...(await sweepRemoved(location, now))],
  };
}

function readFolder(location: string, id: string): StoredBackup {
  const folder = join(location, id);
  return {
    id,
    location: folder,
    listFiles: () => listFiles(folder),
    readText: async (path) => readFile(regularFile(folder, path), "utf8"),
    openFile: (path) => openFile(regularFile(folder, path)),
    writeMark: (name, text) => writeMark(folder, name, text),
    removeMark: (name) => removeMark(folder, name),
  };
}

/** The path of a file of a backup. A pipe or a device in its place would keep the reader waiting for ever. */
function regularFile(folder: string, path: string): string {
  const file = join(folder, path);
  if (lstatSync(file).isFile()) return file;
  throw Object.assign(new Error(`${file} is not a regular file`), { code: "EINVAL", syscall: "open", errno: -22 });
}

async function openFile(path: string): Promise<OpenFile> {
  const handle = await open(path, "r");
  const { size } = await handle.stat();
  return {
    sizeBytes: size,
    async read(position, length) {
      const bytes = Buffer.allocUnsafe(length);
      const { bytesRead } = await handle.read(bytes, 0, length, position);
      return bytes.subarray(0, bytesRead);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function listFiles(folder: string): Promise<StoredFile[]> {
  const found = await readdir(folder, { withFileTypes: true, recursive: true });
  const files = found.filter((entry) => !entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  return mapParallel(files.sort(), filesAtOnce, async (file) => ({
    path: relative(folder, file).split(sep).join("/"),
    sizeBytes: (await stat(file)).size,
  }));
}

async function beginFolder(location: string, id: string): Promise<Draft> {
  makeFolder(location, 0o700);
  const folder = join(location, id + partial);
  await mkdir(folder, { mode: 0o700 });
  const abandon = () => rm(folder, { recursive: true, force: true });
  try {
    await writeFile(join(folder, ownerFile), JSON.stringify(currentOwner()), { mode: 0o600, flag: "wx" });
    await mkdir(join(folder, "data"), { mode: 0o700 });
  } catch (error) {
    await abandon();
    throw error;
  }
  return {
    createFile: (path) => createFile(join(folder, path)),
    publish: () => publishFolder(location, folder, join(location, id)),
    abandon,
  };
}

function createFile(path: string): Writable {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  return createWriteStream(path, { flags: "wx", mode: 0o600, flush: true });
}

async function publishFolder(location: string, draft: string, final: string): Promise<string> {
  await rm(join(draft, ownerFile));
  const inside = await readdir(draft, { withFileTypes: true, recursive: true });
  const folders = inside.filter((entry) => entry.isDirectory()).map((entry) => join(entry.parentPath, entry.name));
  for (const folder of [...folders, draft]) await syncFolder(folder);
  await rename(draft, final);
  await syncFolder(location);
  return final;
}

async function sweepDrafts(location: string, now: Date): Promise<string[]> {
  const swept: string[] = [];
  for (const name of await entries(location)) {
    if (!name.endsWith(partial) || !isBackupId(name.slice(0, -partial.length))) continue;
    const folder = join(location, name);
    if (!(await isLeftBehind(folder, now))) continue;
    const removal = rm(folder, { recursive: true, force: true }).then(() => true);
    // One of another user's is in nobody's way: what cannot be removed now is left for the next run.
    if (await removal.catch(falseWhenHeld)) swept.push(name);
  }
  return swept;
}

async function isLeftBehind(folder: string, now: Date): Promise<boolean> {
  const owner = await readOwner(folder);
  const ended = owner && hasEnded(owner);
  if (ended !== undefined) return ended;
  const written = await Promise.all(["", "data", ownerFile].map((path) => lastWriteMs(join(folder, path))));
  return now.getTime() - Math.max(...written) > abandonedAfterMs;
}

async function readOwner(folder: string): Promise<ProcessOwner | undefined> {
  try {
    return JSON.parse(await readFile(join(folder, ownerFile), "utf8"));
  } catch {
    // Killed before it was written, or right before the publishing, or not ours to read: its age decides.
    return undefined;
  }
}

async function lastWriteMs(path: string): Promise<number> {
  try {
    return (await stat(path)).mtimeMs;
  } catch {
    // Not there: it says nothing about the draft's age.
    return 0;
  }
}
