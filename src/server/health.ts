import type { ServerContext } from "./context.js";

/** `ready` once the recovery is done, or there is nothing to recover from. */
export type ServerPhase = "recovering" | "ready" | "stopping";

/** What the health of a server depends on beside its context. */
export interface HealthParts {
  readonly phase: () => ServerPhase;
  /** Connected sockets. */
  readonly connections: () => number;
}

export interface Health {
  /** `down`: send nobody here. `degraded`: calls go on, and somebody should look. */
  readonly status: "healthy" | "degraded" | "down";
  readonly database: "none" | "up" | "down";
  readonly phase: ServerPhase;
  readonly epoch: string | null;
  readonly rooms: number;
  readonly connections: number;
  /** Age of the oldest change that is not in the database. */
  readonly lagMs: number;
  /** Changes that are not in the database. */
  readonly dirty: number;
  /** Rows that the database refuses now, by themselves. */
  readonly quarantined: number;
}

/** Behind by more flushes than this is worth a look. */
const lagFlushes = 20;

export function readHealth({ state, link, settings }: ServerContext, parts: HealthParts): Health {
  const { maps } = state.store.stats();
  const sum = (of: (map: (typeof maps)[number]) => number) => maps.reduce((total, map) => total + of(map), 0);
  const lagMs = link.status === "none" ? 0 : Math.max(0, ...maps.map(({ oldestDirtyMs }) => oldestDirtyMs));
  const phase = parts.phase();
  const quarantined = sum((map) => map.quarantined);
  const isDegraded = link.status === "down" || lagMs > lagFlushes * settings.flushMs || quarantined > 0;
  return {
    status: phase === "ready" ? (isDegraded ? "degraded" : "healthy") : "down",
    database: link.status,
    phase,
    epoch: link.epoch() ?? null,
    rooms: state.rooms.size,
    connections: parts.connections(),
    lagMs: Math.round(lagMs),
    dirty: link.status === "none" ? 0 : sum((map) => map.dirty + map.inflight),
    quarantined,
  };
}
