import type { ClientBase } from "pg";

export interface SessionSettings {
  /** Shown in pg_stat_activity: `roomctl/migrate`. */
  readonly applicationName?: string;
  /** How long a statement waits for a lock before it fails with 55P03; 3 s unless told, 0 for no limit. */
  readonly lockTimeoutMs?: number;
  /** How long one statement may run; no limit unless told. */
  readonly statementTimeoutMs?: number;
}

/**
 * Settings of every session: UTC so that times compare, bounded lock waits, standard text formats, and a server that
 * notices within a second that we died (PostgreSQL 14+; before that it finishes the statement first).
 * A setting that this server does not know is left out.
 */
export async function sessionSettings(client: ClientBase, settings: SessionSettings): Promise<void> {
  const wanted: Record<string, string> = {
    application_name: settings.applicationName ?? "roomctl",
    TimeZone: "UTC",
    DateStyle: "ISO, MDY",
    IntervalStyle: "postgres",
    extra_float_digits: "3",
    bytea_output: "hex",
    lock_timeout: `${settings.lockTimeoutMs ?? 3000}ms`,
    statement_timeout: `${settings.statementTimeoutMs ?? 0}ms`,
    idle_in_transaction_session_timeout: "0",
    idle_session_timeout: "0",
    client_connection_check_interval: "1000ms",
  };
  await client.query(
    `SELECT set_config(known.name, wanted.value, false)
       FROM pg_catalog.pg_settings AS known
       JOIN (SELECT unnest($1::text[]) AS name, unnest($2::text[]) AS value) AS wanted
         ON lower(known.name) = lower(wanted.name)`,
    [Object.keys(wanted), Object.values(wanted)],
  );
}
