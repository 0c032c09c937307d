import type { Logger } from "pino";
import type { Clock } from "../core/clock.js";
import type { Database } from "../db/pool.js";
import type { ServerSettings } from "./settings.js";
import type { State } from "./state.js";

/** What every part of the server is given. Parts are functions over it; none of them reads the process. */
export interface ServerContext {
  readonly settings: ServerSettings;
  /** Steady: a jump of the machine's clock does not move it. */
  readonly clock: Clock;
  /** A new random UUID. */
  readonly newId: () => string;
  readonly state: State;
  readonly link: DatabaseLink;
  readonly send: Send;
  readonly log: Logger;
}

/** Tells a connected user something; false when the user is not connected here. Never waits. */
export type Send = (userId: string, event: string, payload: object) => boolean;

export interface DatabaseLink {
  /** `none`: no database is configured, everything is memory only. */
  readonly status: "none" | "up" | "down";
  /** The open database while it is up and this server owns its epoch. */
  database(): Database | undefined;
  /** This server's epoch, once it has one. */
  epoch(): string | undefined;
}
