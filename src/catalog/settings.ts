import { keepSettings, setSettings } from "../db/kept-settings.js";
import type { Connection } from "../db/pool.js";

/**
 * Names come with their schema and in quotes, and values as every server reads them; `jit` would take longer than the
 * statements.
 */
export const readingSettings = {
  search_path: "",
  quote_all_identifiers: "on",
  datestyle: "ISO",
  intervalstyle: "postgres",
  extra_float_digits: "3",
  standard_conforming_strings: "on",
  xmloption: "content",
  jit: "off",
};

/** Under which a snapshot names objects. */
export const labelSettings = { search_path: "pg_catalog", quote_all_identifiers: "off" };

/** What both scripts begin with, as pg_dump's do: nothing is looked up, checked or timed out while they run. */
export const scriptSettings: readonly string[] = [
  "SET statement_timeout = 0",
  "SET lock_timeout = 0",
  "SET idle_in_transaction_session_timeout = 0",
  "SET client_encoding = 'UTF8'",
  "SET standard_conforming_strings = on",
  "SELECT pg_catalog.set_config('search_path', '', false)",
  "SET check_function_bodies = false",
  "SET xmloption = content",
  "SET client_min_messages = warning",
  "SET row_security = off",
  "SET default_tablespace = ''",
  "SET default_table_access_method = heap",
];

/** Runs `work` under these settings of the session, and takes them back. */
export async function withSettings<T>(
  connection: Connection,
  settings: Readonly<Record<string, string>>,
  work: () => Promise<T>,
): Promise<T> {
  const names = Object.keys(settings);
  const [before] = await connection.query<{ values: readonly string[] }>(
    `SELECT array_agg(pg_catalog.current_setting(name) ORDER BY number) AS values
       FROM unnest($1::text[]) WITH ORDINALITY AS setting (name, number)`,
    [names],
  );
  return keepSettings(connection, { names, values: before?.values ?? [] }, async () => {
    await setSettings(connection, names, Object.values(settings));
    return await work();
  });
}
