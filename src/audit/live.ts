import type { AppDefinition } from "../core/catalogue.js";
import type { Database } from "../db/pool.js";
import { readTables } from "../db/schema.js";
import type { Finding } from "./finding.js";
import { parseControlAddress } from "./live-address.js";
import { auditContainer, type LiveTuning } from "./live-audit.js";
import { type ControlLimits, openControl } from "./live-client.js";
import { catalogueFindings, lookAgain } from "./live-findings.js";
import { readState, type ServerAnswer } from "./live-protocol.js";
import type { LiveContainer, LiveReport, LiveServer } from "./live-report.js";
import { chooseScope } from "./scope.js";

export interface LiveOptions extends Partial<ControlLimits>, LiveTuning {
  /** `unix:/path/to.sock`, `http://host:port`, `https://host:port`. */
  readonly address: string;
  readonly token?: string;
  /** Names of catalogue entries: only their containers. All unless told. */
  readonly states?: readonly string[];
  readonly onProgress?: (event: { readonly message: string; readonly done?: number; readonly total?: number }) => void;
}

export interface LiveAudit {
  readonly live: LiveReport;
  readonly findings: readonly Finding[];
}

/**
 * Compares a server's memory with its rows. Writes nothing, neither there nor in the database. Throws E_USAGE for an
 * address that is none or an unknown state, E_CONTROL where the server cannot be asked or answers something else.
 */
export async function auditLive(database: Database, app: AppDefinition, options: LiveOptions): Promise<LiveAudit> {
  const { entries } = chooseScope(app, options.states);
  const address = parseControlAddress(options.address);
  using control = openControl(address, options);
  const state = await readState(control);
  const chosen = state.containers.filter(
    ({ name }) => options.states === undefined || entries.some((entry) => entry.name === name),
  );
  const context = { again: lookAgain(address) };
  const surroundings = { control, database, options, server: state.server, tables: await readTables(database) };
  const containers: LiveContainer[] = [];
  const findings: Finding[] = [
    ...catalogueFindings(entries, chosen, context),
    ...serverFindings(state.server, context),
  ];
  for (const [index, container] of chosen.entries()) {
    options.onProgress?.({ message: `comparing ${container.name}`, done: index, total: chosen.length });
    const compared = await auditContainer(surroundings, container);
    containers.push(compared.report);
    findings.push(...compared.findings);
  }
  return { live: { server: describeServer(state.server, address.shown), containers }, findings };
}

/** Nothing is wrong with a server that was started without a database, but nobody should take it for a safe one. */
function serverFindings({ database, instance }: ServerAnswer, { again }: { again: string }): readonly Finding[] {
  if (database !== "none") return [];
  return [
    {
      id: "live-without-database",
      severity: "warning",
      subject: instance,
      title: `${instance} runs without a database`,
      why: "everything that it holds is gone with it",
      hint: `start it with --database-url, then: ${again}`,
    },
  ];
}

function describeServer(server: ServerAnswer, address: string): LiveServer {
  const { instance, epoch = null, pid = null, startedAt = null, database = null } = server;
  return { address, instance, epoch, pid, startedAt, database };
}
