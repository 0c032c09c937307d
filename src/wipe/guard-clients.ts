import { setTimeout as sleep } from "node:timers/promises";
import { readLockHolder } from "../db/lock.js";
import { ownProcessIds } from "../db/own-sessions.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { GuardLook, GuardRequest } from "./guard.js";
import { matchesAny } from "./guard-pattern.js";
import { backupPrograms } from "./guard-runs.js";

interface Client {
  readonly application: string;
  readonly role: string;
  /** Null over a Unix socket, and where this role may not see it. */
  readonly address: string | null;
  /** Null where this role may not see it. */
  readonly state: string | null;
  readonly isOfOurName: boolean;
  readonly idleSeconds: number | null;
}

/** A program that has just ended is still listed for a moment; another run of ours in the same script is likely one. */
const pausesMs = [50, 150, 300];
const pausesForOursMs = [600, 900];
const shownGroups = 5;

/**
 * Refuses while others are connected: they hold state of their own, and may write it again after the deletion.
 * "settled" waits a moment for sessions that are just ending.
 */
export async function lookForClients(
  queryable: Queryable,
  request: GuardRequest,
  patience: "at once" | "settled",
): Promise<GuardLook> {
  const isWaiting = patience === "settled" && !request.allowed.includes("clients");
  const clients = await (isWaiting ? readSettled(queryable, request) : readClients(queryable, request));
  if (clients.length === 0) return { guard: "clients", saw: "no other client is connected" };
  const count = clients.length === 1 ? "1 other client is" : `${clients.length} other clients are`;
  return {
    guard: "clients",
    saw: `${count} connected: ${describeClients(clients)}`,
    refusal: { cures: ["stop what is connected, or name it in guards.ignoredClients"], isFinal: false },
  };
}

async function readSettled(queryable: Queryable, request: GuardRequest): Promise<readonly Client[]> {
  let clients = await readClients(queryable, request);
  const pause = async (pauseMs: number) => {
    await sleep(pauseMs, undefined, { signal: request.signal });
    clients = await readClients(queryable, request);
  };
  for (const pauseMs of pausesMs) if (clients.length > 0) await pause(pauseMs);
  for (const pauseMs of pausesForOursMs) if (clients.some(isOurs)) await pause(pauseMs);
  return clients;
}

function isOurs({ application }: Client): boolean {
  return application.startsWith("roomctl/");
}

async function readClients(queryable: Queryable, { host, rules }: GuardRequest): Promise<readonly Client[]> {
  const clients = await queryable.query<Client>(loadStatement("wipe/guard-clients"), [ownProcessIds(host)]);
  const covered = await readCovered(queryable);
  const ignored = rules?.ignoredClients ?? [];
  return clients.filter((client) => !matchesAny(client.application, ignored) && !isCovered(client, covered));
}

/** Names of roomctl's runs that hold one of its locks: each lock has its own guard, or is waited for. */
async function readCovered(queryable: Queryable): Promise<ReadonlySet<string>> {
  const names = new Set<string>();
  for (const lock of ["change", "backup", "migration"] as const) {
    const holder = await readLockHolder(queryable, lock);
    if (holder?.applicationName.startsWith("roomctl/")) names.add(holder.applicationName);
  }
  return names;
}

/**
 * True for what another guard or a lock answers for: a backup, and a run of roomctl that holds a lock (with the programs
 * that it starts), or waits for the same one as we do, being the same command.
 */
function isCovered(client: Client, covered: ReadonlySet<string>): boolean {
  const { application, isOfOurName } = client;
  if (backupPrograms.includes(application)) return true;
  if (!isOurs(client)) return false;
  return isOfOurName || covered.has(application) || (application === "roomctl/pg_dump" && covered.size > 0);
}

function describeClients(clients: readonly Client[]): string {
  const groups = new Map<string, Client[]>();
  for (const client of clients) {
    const key = JSON.stringify([client.application, client.role, client.address]);
    groups.set(key, [...(groups.get(key) ?? []), client]);
  }
  const words = [...groups.values()].slice(0, shownGroups).map(describeGroup);
  const more = groups.size - words.length;
  return `${words.join(", ")}${more > 0 ? ` and ${more} more` : ""}`;
}

function describeGroup(group: readonly Client[]): string {
  const [first] = group;
  if (!first) return "";
  const name = first.application === "" ? "a program without a name" : JSON.stringify(first.application);
  const count = group.length > 1 ? `${group.length} × ` : "";
  return `${count}${name} as ${JSON.stringify(first.role)} (${first.address ?? "this host"}${stateOf(group)})`;
}

function stateOf(group: readonly Client[]): string {
  const idle = group.map(({ idleSeconds }) => idleSeconds ?? Number.NaN);
  const longest = Math.max(...idle);
  return Number.isNaN(longest) ? "" : `, idle for ${Math.round(longest)} s`;
}
