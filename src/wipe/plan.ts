import type { WipeScope } from "../core/catalogue.js";
import { RoomctlError } from "../core/errors.js";
import { type Environment, readMarker } from "../db/marker.js";
import type { Connection, Database } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import { withTransaction } from "../db/transaction.js";
import { traceTruncate } from "./cascade.js";
import { type CascadedTable, measureTables, type WipedTable } from "./measure.js";
import { readRelationGraph } from "./relations.js";
import { type PlannedReset, planResets, planRestarts, type RestartedSequence } from "./resets.js";
import { resolveScopes, type WipeSelection } from "./scope.js";
import { assertWipeable, findSelected } from "./selected.js";
import { type ServerFacts, tokenOf } from "./token.js";

/** Everything that a wipe would do, and to which database. Table names are written as SQL needs them. */
export interface WipePlan {
  readonly database: string;
  /** As configured: `localhost:5432`. */
  readonly host: string;
  /** Never with the password. */
  readonly url: string;
  /** As the server sees itself; null over a Unix socket. */
  readonly serverAddress: string | null;
  /** Made by initdb, and the same for the life of the cluster. */
  readonly systemIdentifier: string;
  readonly role: string;
  /** Absent when the database was never marked. */
  readonly environment?: Environment;
  readonly scopes: readonly string[];
  readonly tables: readonly WipedTable[];
  /** Tables that no scope names and that foreign keys drag along. */
  readonly cascades: readonly CascadedTable[];
  readonly resets: readonly PlannedReset[];
  readonly sequences: readonly RestartedSequence[];
  /** Rows that would be deleted, cascades included. */
  readonly rows: number;
  readonly sizeBytes: number;
  /** Changes with the database, the tables' structure, the row counts and the scopes: consent to one plan and no other. */
  readonly token: string;
}

/**
 * Reads, in one snapshot, what a wipe of these scopes would do; no scope means `all`. Changes nothing.
 * Throws E_UNKNOWN_SCOPE, E_SCHEMA for a missing table, E_PROTECTED where the wipe would reach what must stay.
 */
export async function planWipe(
  database: Database,
  scopes: readonly WipeScope[],
  names: readonly string[],
): Promise<WipePlan> {
  const selection = resolveScopes(scopes, names);
  return withTransaction(database, { isolation: "REPEATABLE READ", readOnly: true }, (connection) =>
    readPlan(connection, database, selection),
  );
}

/** The plan as this session's transaction sees the database now. */
export async function readPlan(
  connection: Connection,
  database: Database,
  selection: WipeSelection,
): Promise<WipePlan> {
  // A policy would hide rows from the counts, which TRUNCATE does not heed; with this it is an error instead.
  await connection.query("SELECT set_config('row_security', 'off', true)");
  const [server] = await connection.query<ServerFacts>(loadStatement("wipe/server"));
  if (!server) throw new RoomctlError("E_INTERNAL", "the server does not say which database this is");
  const graph = await readRelationGraph(connection);
  const chosen = findSelected(graph, selection);
  const reached = traceTruncate(graph, [...chosen.keys()]);
  assertWipeable(graph, reached);
  const { tables, cascades } = await measureTables(connection, { graph, reached, chosen });
  const resets = await planResets(connection, { graph, reached, resets: selection.resets });
  const sequences = await planRestarts(connection, { graph, reached });
  const marker = await readMarker(connection);
  const emptied = [...tables, ...cascades];
  return {
    database: server.database,
    host: `${database.target.host}:${database.target.port}`,
    url: database.url,
    serverAddress: server.address === null ? null : `${server.address}:${server.port}`,
    systemIdentifier: server.systemIdentifier,
    role: server.role,
    ...(marker ? { environment: marker.environment } : {}),
    scopes: selection.scopes,
    tables,
    cascades,
    resets,
    sequences,
    rows: emptied.reduce((sum, { rows }) => sum + rows, 0),
    sizeBytes: emptied.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0),
    token: tokenOf({ server, scopes: selection.scopes, graph, reached, emptied, resets, sequences }),
  };
}
