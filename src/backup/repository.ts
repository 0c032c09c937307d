import type { Readable, Writable } from "node:stream";
import { openFolderRepository } from "./folder.js";

/** Where backups are kept. A backup is a draft until it is published, and never seen before that. */
export interface Repository {
  /** For people. */
  readonly location: string;
  /** Ids of published backups, newest first; none when the place does not exist yet. */
  listIds(): Promise<readonly string[]>;
  read(id: string): StoredBackup;
  /** Throws E_FILE or E_DISK_FULL when nothing can be written there. */
  begin(id: string): Promise<Draft>;
  /** Removes drafts whose process is gone, and says which. */
  sweep(now: Date): Promise<readonly string[]>;
}

export interface StoredFile {
  /** Relative, with `/`. */
  readonly path: string;
  readonly sizeBytes: number;
}

export interface StoredBackup {
  readonly id: string;
  readonly location: string;
  listFiles(): Promise<readonly StoredFile[]>;
  readText(path: string): Promise<string>;
  openFile(path: string): Readable;
}

/** A backup that is being written. */
export interface Draft {
  /** A new file; its bytes have reached the disk once the stream has finished. */
  createFile(path: string): Writable;
  /** Makes it a backup in one step: all of it is there, or nothing. Returns where. */
  publish(): Promise<string>;
  /** Removes it. */
  abandon(): Promise<void>;
}

/** The repository at `location`: a folder, as yet the only kind. */
export function openRepository(location: string): Repository {
  return openFolderRepository(location);
}
