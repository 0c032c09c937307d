import pgpass from "pgpass";
import type { DatabaseTarget } from "./target.js";

/** The password that PGPASSFILE or ~/.pgpass holds for a target, if it does; libpq's rules on file mode apply. */
export function readPgpass({ host, port, database, user }: DatabaseTarget): Promise<string | undefined> {
  return new Promise((resolve) => pgpass({ host, port, database, user }, resolve));
}
