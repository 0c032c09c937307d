import { basename, join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { lineComments } from "../db/statements.js";

/** A part of a file: `sql` is the whole file with everything else blanked out, so that places in it stay true. */
export interface SqlText {
  readonly path: string;
  readonly sql: string;
}

/**
 * How a file says what is up and what is down. `pair` is roomctl's own (`X.up.sql`, `X.down.sql`); the others keep both in
 * one `X.sql` between the comments of dbmate (`-- migrate:up`), goose (`-- +goose Up`) or node-pg-migrate (`-- Up Migration`).
 */
export type Layout = "pair" | "dbmate" | "goose" | "node-pg-migrate";

export interface SqlParts {
  readonly layout: Layout;
  readonly up: SqlText;
  readonly down?: SqlText;
}

interface Marker {
  readonly layout: Layout;
  readonly direction: "up" | "down";
  readonly offset: number;
}

const patterns: readonly (readonly [Exclude<Layout, "pair">, RegExp])[] = [
  ["dbmate", /^--[ \t]*migrate:(up|down)\b/i],
  ["goose", /^--[ \t]*\+goose[ \t]+(up|down)\b/i],
  ["node-pg-migrate", /^--[ \t-]*(up|down)[ \t]+migration\b/i],
];

/** Comments that look like a marker and are none: both parts would run as up. */
const almostMarker = /^--+[ \t]*(?:@|\+|migrate[ :]*)?(up|down)[ \t]*:?[ \t]*$/i;

/**
 * The two parts of a file that holds both. One without any marker is all up and cannot be undone, as node-pg-migrate has
 * it. Throws E_USAGE for markers that do not make sense.
 */
export function splitParts(path: string, sql: string): SqlParts {
  const markers = findMarkers(sql);
  const [first, ...others] = markers;
  if (first === undefined) {
    const almost = lineComments(sql).find(({ text }) => almostMarker.test(text));
    if (almost) throw confused(path, sql, almost.offset, `${almost.text.trim()} is no marker that is known`);
    return { layout: "node-pg-migrate", up: { path, sql } };
  }
  const stranger = others.find(({ layout }) => layout !== first.layout);
  if (stranger)
    throw confused(path, sql, stranger.offset, `it mixes markers of ${first.layout} and ${stranger.layout}`);
  const repeated = others.find(
    (marker, index) => markers.findIndex((one) => one.direction === marker.direction) <= index,
  );
  if (repeated) throw confused(path, sql, repeated.offset, `it has a second marker for ${repeated.direction}`);
  if (!blank(sql, 0, first.offset))
    throw confused(path, sql, 0, "statements before the first marker belong to neither part");
  const part = (direction: "up" | "down") => cutOut(path, sql, markers, direction);
  const up = part("up");
  if (up === undefined) throw confused(path, sql, first.offset, "it has a part for down and none for up");
  const down = part("down");
  return { layout: first.layout, up, ...(down === undefined || blank(down.sql, 0, down.sql.length) ? {} : { down }) };
}

/** True when a file asks to run outside of a transaction, in its layout's words or roomctl's. */
export function asksForNoTransaction({ sql }: SqlText): boolean {
  // Comments are looked for only where the words occur at all: a file may be megabytes of rows.
  if (!/no[-\s]+transaction|transaction:/i.test(sql)) return false;
  return lineComments(sql).some(({ text }) => noTransaction.test(text));
}

const noTransaction =
  /^--[ \t]*(?:roomctl:no-transaction\b|\+goose[ \t]+no[ \t]+transaction\b|migrate:(?:up|down)\b.*\btransaction:[ \t]*false\b)/i;

/** Refuses what node-pg-migrate and goose would run as programs: leaving it out silently would be worse. */
export function refusePrograms(directory: string, fileNames: readonly string[]): void {
  const program = fileNames.find((name) => /^\d+[_-].*\.(?:[cm]?[jt]s|go)$/.test(name) && !/\.d\.[cm]?ts$/.test(name));
  if (program === undefined) return;
  throw new RoomctlError("E_USAGE", `${join(directory, program)} is a migration in code, and roomctl runs SQL only`, {
    hint: `write it as ${basename(program).replace(/\.\w+$/, ".up.sql")}, or keep it in another folder`,
  });
}

/** Only comments count, and only at the start of a line: a marker inside a string or a function's body is text. */
function findMarkers(sql: string): readonly Marker[] {
  return lineComments(sql).flatMap(({ text, offset }) =>
    patterns.flatMap(([layout, pattern]): readonly Marker[] => {
      const word = pattern.exec(text)?.[1]?.toLowerCase();
      return word === undefined ? [] : [{ layout, direction: word === "up" ? "up" : "down", offset }];
    }),
  );
}

/** The marker's own line stays, for what it says of transactions. */
function cutOut(path: string, sql: string, markers: readonly Marker[], direction: "up" | "down"): SqlText | undefined {
  const index = markers.findIndex((marker) => marker.direction === direction);
  const marker = markers[index];
  if (marker === undefined) return undefined;
  const end = markers[index + 1]?.offset ?? sql.length;
  // Comments only, and they hold for both parts: goose and the hints of roomctl want `no transaction` there.
  const head = markers[0]?.offset ?? 0;
  return { path, sql: sql.slice(0, head) + blanked(sql.slice(head, marker.offset)) + sql.slice(marker.offset, end) };
}

function blanked(text: string): string {
  return text.replace(/[^\n]/g, " ");
}

function blank(sql: string, from: number, to: number): boolean {
  return /^(?:\s|--[^\n]*(?:\n|$))*$/.test(sql.slice(from, to));
}

function confused(path: string, sql: string, offset: number, why: string): RoomctlError {
  const line = sql.slice(0, offset).split("\n").length;
  return new RoomctlError("E_USAGE", `${path}:${line}: ${why}`, {
    hint: "use the pair NNNN_name.up.sql and NNNN_name.down.sql, or the markers of one tool: roomctl help migrations",
  });
}
