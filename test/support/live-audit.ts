import { auditLive, type LiveAudit, type LiveOptions } from "../../src/audit/live.js";
import type { AppDefinition, StateEntry } from "../../src/core/catalogue.js";
import type { Database } from "../../src/db/pool.js";
import { type FakeControl, type FakeControlOptions, startFakeControl } from "./control.js";
import { createScratchDatabase, type ServerName } from "./postgres.js";

export interface LiveSetting extends AsyncDisposable {
  readonly database: Database;
  readonly control: FakeControl;
  /** Another pool of sessions on the same database, the caller's to close. */
  open(): Promise<Database>;
  /** On `database` unless told. */
  audit(options?: Partial<LiveOptions>, on?: Database): Promise<LiveAudit>;
}

/** A database with this schema, and a made-up server beside it. */
export async function createLiveSetting(
  schema: string,
  options: FakeControlOptions & { readonly serverName?: ServerName; readonly states?: readonly StateEntry[] } = {},
): Promise<LiveSetting> {
  const scratch = await createScratchDatabase({ server: options.serverName });
  const database = await scratch.open();
  await database.execute(schema);
  const control = await startFakeControl(options);
  return {
    database,
    control,
    open: () => scratch.open(),
    audit: (more, on = database) =>
      auditLive(on, appOf(control, options.states), { address: control.address, pauseMs: 5, ...more }),
    async [Symbol.asyncDispose]() {
      await control[Symbol.asyncDispose]();
      await database[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}

/** An app whose catalogue names what the server holds, unless told otherwise. */
export function appOf(control: FakeControl, states?: readonly StateEntry[]): AppDefinition {
  const known = control.containers.map(({ name, persistence, table }) => ({
    name,
    persistence: persistence as StateEntry["persistence"],
    table: table as string | undefined,
    lossMeans: "gone",
    priority: "high" as const,
    verdict: "persist",
  }));
  return {
    name: "made-up app",
    states: states ?? known,
    shapes: {},
    scopes: [],
    checks: [],
    migrationsDirectory: "/nowhere",
  };
}
