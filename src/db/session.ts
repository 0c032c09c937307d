import type { ClientBase } from "pg";
import { quoteLiteral } from "./identifier.js";

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
  const wanted = wantedSettings(settings);
  await client.query(settingStatement("unnest($1::text[])", "unnest($2::text[])"), [
    Object.keys(wanted),
    Object.values(wanted),
  ]);
}

/**
 * Takes back what was done to a session outside of tables: settings, role, temporary tables, cursors, LISTEN. Ours are set
 * again, with `overrides` over them. Advisory locks stay. One round trip. Not inside a transaction.
 */
export async function resetSession(
  client: ClientBase,
  settings: SessionSettings,
  overrides: Readonly<Record<string, string>>,
): Promise<void> {
  const wanted = { ...wantedSettings(settings), ...overrides };
  const list = (texts: readonly string[]) => `unnest(ARRAY[${texts.map(quoteLiteral).join(", ")}])`;
  const set = settingStatement(list(Object.keys(wanted)), list(Object.values(wanted)));
  await client.query(
    `RESET SESSION AUTHORIZATION; RESET ROLE; RESET ALL; CLOSE ALL; UNLISTEN *; DEALLOCATE ALL; DISCARD TEMP; DISCARD SEQUENCES; ${set}`,
  );
}

function wantedSettings(settings: SessionSettings): Record<string, string> {
  return {
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
    transaction_timeout: "0",
    client_connection_check_interval: "1000ms",
  };
}

function settingStatement(names: string, values: string): string {
  return `SELECT pg_catalog.set_config(known.name, wanted.value, false)
       FROM pg_catalog.pg_settings AS known
       JOIN (SELECT ${names} AS name, ${values} AS value) AS wanted
         ON lower(known.name) = lower(wanted.name)`;
}
