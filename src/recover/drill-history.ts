import { closeSync, openSync, writeSync } from "node:fs";
import type { Clock } from "../core/clock.js";
import type { Operation, Settled, Sighting, Story } from "./drill-model.js";

/** What is known when an operation begins. */
export type Invocation = Omit<Operation, "op" | "cycle" | "invokedAt" | "settled">;

/**
 * The record of a drill: one JSON line for each thing that was asked, answered, told or done, in a file. A line is
 * written before what it says is believed, so that an acknowledgement is never known to the checks alone.
 */
export interface History extends Disposable {
  readonly path: string;
  /** Epoch milliseconds that never run backwards. */
  now(): number;
  startCycle(cycle: number): void;
  invoke(invocation: Invocation): number;
  settle(op: number, settled: Omit<Settled, "at">): Settled;
  see(sighting: Omit<Sighting, "cycle" | "at">): void;
  /** Something that the drill itself did: started a server, killed it, read rows. */
  note(what: string, details?: object): void;
  /** From `cycle` on. */
  story(cycle: number): Story;
  /** The last lines that name `id`, as they are in the file. */
  slice(id: string, count: number): readonly string[];
  readonly counts: HistoryCounts;
}

export interface HistoryCounts {
  readonly operations: number;
  readonly acknowledged: number;
  readonly durable: number;
}

/** Cycles whose operations stay in memory: users live for two. */
const keptCycles = 4;
const keptLines = 20_000;

/** Starts a history in a new file, or in memory alone without a path. */
export function openHistory(path: string | undefined, clock: Clock): History {
  const book = openBook(path, clock);
  const recent = rememberCycles();
  const counts = { operations: 0, acknowledged: 0, durable: 0 };
  const write = (kind: string, details: object) => book.add({ cycle: recent.cycle(), kind, ...details });
  return {
    path: path ?? "",
    now: book.now,
    counts,
    startCycle: recent.startCycle,
    invoke(invocation) {
      counts.operations += 1;
      const op = counts.operations;
      write("invoke", { op, ...invocation });
      recent.invoke({ op, cycle: recent.cycle(), invokedAt: book.now(), ...invocation });
      return op;
    },
    settle(op, result) {
      const settled = { at: book.now(), ...result };
      write(result.outcome, { op, ...result });
      if (result.outcome === "ok") counts.acknowledged += 1;
      if (result.outcome === "ok" && result.durable === true) counts.durable += 1;
      recent.settle(op, settled);
      return settled;
    },
    see(sighting) {
      write("see", sighting);
      recent.see({ cycle: recent.cycle(), at: book.now(), ...sighting });
    },
    note: (what, details = {}) => write("drill", { what, ...details }),
    story: recent.story,
    slice: (id, count) => selectLines(book.lines, id, count),
    [Symbol.dispose]: book.close,
  };
}

/** What the checks read: the operations and sightings of the last cycles. */
function rememberCycles() {
  const operations = new Map<number, Operation>();
  let sightings: Sighting[] = [];
  let cycle = 0;
  return {
    cycle: () => cycle,
    startCycle(next: number) {
      cycle = next;
      const isOld = (entry: { readonly cycle: number }) => entry.cycle <= next - keptCycles;
      for (const [op, operation] of operations) if (isOld(operation)) operations.delete(op);
      sightings = sightings.filter((sighting) => !isOld(sighting));
    },
    invoke: (operation: Operation) => void operations.set(operation.op, operation),
    settle(op: number, settled: Settled) {
      const operation = operations.get(op);
      if (operation) operations.set(op, { ...operation, settled });
    },
    see: (sighting: Sighting) => void sightings.push(sighting),
    story: (from: number): Story => ({
      operations: [...operations.values()].filter((operation) => operation.cycle >= from),
      sightings: sightings.filter((sighting) => sighting.cycle >= from),
    }),
  };
}

/** The file and its last lines, each with the moment at which it was written. */
function openBook(path: string | undefined, clock: Clock) {
  let file = path === undefined ? undefined : openSync(path, "wx", 0o600);
  const startedMs = clock.monotonicMs();
  const startedAt = clock.now().getTime();
  const elapsedMs = () => clock.monotonicMs() - startedMs;
  const lines: string[] = [];
  return {
    lines,
    now: () => startedAt + elapsedMs(),
    add(entry: object) {
      const ms = Math.round(elapsedMs() * 1000) / 1000;
      const line = JSON.stringify({ ms, wall: clock.now().toISOString(), ...entry });
      if (file !== undefined) writeSync(file, `${line}\n`);
      lines.push(line);
      if (lines.length > 2 * keptLines) lines.splice(0, lines.length - keptLines);
    },
    // An answer may come when the drill is over, as one that was interrupted; its number may be another file's by then.
    close() {
      if (file !== undefined) closeSync(file);
      file = undefined;
    },
  };
}

/** An answer names only its operation: the lines of operations that name `id` go with it. */
function selectLines(lines: readonly string[], id: string, count: number): readonly string[] {
  const quoted = JSON.stringify(id);
  const named = new Set<string>();
  const chosen = lines.filter((line) => {
    const op = /"op":(\d+)/.exec(line)?.[1];
    const isNamed = line.includes(quoted);
    if (isNamed && op !== undefined) named.add(op);
    return isNamed || (op !== undefined && named.has(op));
  });
  return chosen.slice(-count);
}
