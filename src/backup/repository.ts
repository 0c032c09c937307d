import type { Writable } from "node:stream";
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
  /**
   * Removes a backup: in one step it is none any more, then its files go. Killed in between, the rest is for `sweep`.
   * Throws E_FILE when it cannot be removed, or not completely.
   */
  remove(id: string): Promise<"removed" | "pinned">;
  /** Removes drafts whose process is gone and what is left of removed backups, and says which. */
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
  openFile(path: string): Promise<OpenFile>;
  /** Puts a small file beside the manifest, or another in its place: readers find the whole of either. Throws E_FILE. */
  writeMark(name: string, text: string): Promise<void>;
  /** False when there was none. */
  removeMark(name: string): Promise<boolean>;
}

/** A file that is read in pieces. Use with `await using`. */
export interface OpenFile extends AsyncDisposable {
  readonly sizeBytes: number;
  /** That many bytes from there; fewer where the file ends. */
  read(position: number, length: number): Promise<Buffer>;
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
