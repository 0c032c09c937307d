import { monitorEventLoopDelay } from "node:perf_hooks";
import { getHeapStatistics } from "node:v8";
import { Gauge, Registry } from "prom-client";
import type { MapStats, StoreStats } from "../store/stats.js";
import type { ServerContext } from "./context.js";
import type { HealthParts } from "./health.js";

/** Numbers of one server for Prometheus, read when they are asked for. */
export interface Metrics {
  readonly contentType: string;
  text(): Promise<string>;
  /** Ends the watch over the event loop. */
  stop(): void;
}

export interface MetricsParts extends HealthParts {
  /** How many rooms the recovery brought back, ended and skipped; undefined before it is done. */
  readonly recovered?: () =>
    | { readonly recovered: number; readonly ended: number; readonly skipped: number }
    | undefined;
}

type Sample = readonly [value: number, labels?: Readonly<Record<string, string>>];

export function createMetrics(context: ServerContext, parts: MetricsParts): Metrics {
  const registry = new Registry();
  const loopDelay = monitorEventLoopDelay({ resolution: 20 });
  loopDelay.enable();
  const add = (name: string, help: string, read: () => readonly Sample[]) => addGauge(registry, { name, help, read });
  const stats = () => context.state.store.stats();

  add("connections", "Connected sockets", () => [[parts.connections()]]);
  add("ready", "1 when the server may be sent users", () => [[parts.phase() === "ready" ? 1 : 0]]);
  add("database_up", "1 when the database answers", () => [[context.link.status === "up" ? 1 : 0]]);
  add("rooms", "Rooms in memory by status", () => roomsByStatus(context));
  add("recovered_rooms", "What the recovery made of the rooms", () =>
    Object.entries(parts.recovered?.() ?? {}).map(([outcome, count]) => [count, { outcome }]),
  );
  add("event_loop_delay_seconds", "Delay of the event loop since it was last asked", () => {
    const samples: Sample[] = [50, 99, 100].map((percent) => [
      loopDelay.percentile(percent) / 1e9,
      { quantile: String(percent / 100) },
    ]);
    loopDelay.reset();
    return samples;
  });
  add("heap_used_bytes", "Bytes that JavaScript values take", () => [[getHeapStatistics().used_heap_size]]);
  addStoreGauges(add, stats);
  return { contentType: registry.contentType, text: () => registry.metrics(), stop: () => loopDelay.disable() };
}

type Add = (name: string, help: string, read: () => readonly Sample[]) => void;

/** Numbers of every map, told apart by a label. */
const mapGauges: readonly (readonly [name: string, help: string, read: (map: MapStats) => number])[] = [
  ["store_entries", "Entries in memory", (map) => map.size],
  ["store_dirty", "Changes that are not in the database", (map) => map.dirty + map.inflight],
  ["store_lag_seconds", "Age of the oldest change that is not in the database", (map) => map.oldestDirtyMs / 1000],
  ["store_tombstones", "Deletions that are not in the database", (map) => map.tombstones],
  ["store_tombstones_dropped", "Deletions that were given up", (map) => map.tombstonesDropped],
  ["store_quarantined", "Rows that the database refuses now", (map) => map.quarantined],
  ["store_refusals", "Rows that the database refused since the start", (map) => map.refusals],
  ["store_batches", "Batches written since the start", (map) => map.batches],
  ["store_rows", "Rows written since the start", (map) => map.rows],
  ["store_retries", "Batches that were tried again since the start", (map) => map.retries],
  ["store_batch_p99_seconds", "Time of a batch, of the last 256", (map) => map.batchMsP99 / 1000],
];

function addStoreGauges(add: Add, stats: () => StoreStats): void {
  for (const [name, help, read] of mapGauges) {
    add(name, help, () => stats().maps.map((map) => [read(map), { map: map.name }]));
  }
  add("store_fenced", "1 when another server owns the data", () => [[stats().fenced ? 1 : 0]]);
}

function addGauge(
  registry: Registry,
  { name, help, read }: { readonly name: string; readonly help: string; readonly read: () => readonly Sample[] },
): void {
  new Gauge({
    name: `roomctl_${name}`,
    help,
    labelNames: ["map", "status", "outcome", "quantile"],
    registers: [registry],
    collect() {
      this.reset();
      for (const [value, labels = {}] of read()) this.set(labels, value);
    },
  });
}

function roomsByStatus({ state }: ServerContext): readonly Sample[] {
  const counts = new Map([
    ["active", 0],
    ["grace_period", 0],
  ]);
  for (const { status } of state.rooms.values()) counts.set(status, (counts.get(status) ?? 0) + 1);
  return [...counts].map(([status, count]) => [count, { status }]);
}
