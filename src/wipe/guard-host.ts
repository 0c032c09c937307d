import { readMarker } from "../db/marker.js";
import type { Queryable } from "../db/pool.js";
import { loadStatement } from "../db/statement.js";
import type { GuardLook, GuardRequest } from "./guard.js";
import { matchesAny } from "./guard-pattern.js";

interface HostFacts {
  /** Null over a Unix socket. */
  readonly address: string | null;
  readonly port: number | null;
  /** Empty unless the server was given one. */
  readonly clusterName: string;
}

/** Refuses where a pattern of the configuration names this server, by any of the names that it has. */
export async function lookAtHost(queryable: Queryable, { host, rules }: GuardRequest): Promise<GuardLook> {
  const patterns = rules?.protectedHosts ?? [];
  const [facts] = await queryable.query<HostFacts>(loadStatement("wipe/guard-host"));
  const names = [
    { what: "the configured host", name: host.host, port: host.port },
    ...(facts?.address ? [{ what: "the server's own address", name: facts.address, port: facts.port }] : []),
    ...(facts?.clusterName ? [{ what: "the server's cluster_name", name: facts.clusterName, port: null }] : []),
  ];
  const hits = names.filter(({ name, port }) => spellings(name, port).some((one) => matchesAny(one, patterns)));
  const list = (ones: typeof names) => ones.map(({ what, name }) => `${what} ${JSON.stringify(name)}`).join(", ");
  if (hits.length === 0) return { guard: "protected-host", saw: `no protected host: ${list(names)}` };
  return {
    guard: "protected-host",
    saw: `the configuration protects ${list(hits)}`,
    refusal: await refusalFor(queryable),
  };
}

/** Where the database itself is protected as well, only a change of the configuration helps, which others see. */
async function refusalFor(queryable: Queryable): Promise<NonNullable<GuardLook["refusal"]>> {
  const environment = (await readMarker(queryable))?.environment;
  const change = "take the pattern out of guards.protectedHosts in the configuration";
  if (environment === "production") return { isFinal: true, cures: [change] };
  if (environment === undefined) {
    return { isFinal: true, cures: [`${change}, or say what it is: roomctl config mark staging`] };
  }
  return { isFinal: false, cures: ["connect to the server that you meant"] };
}

/** With and without the port; a final dot says only that a name is complete. */
function spellings(name: string, port: number | null): readonly string[] {
  const plain = name.replace(/\.$/, "");
  return port === null ? [plain] : [plain, `${plain}:${port}`];
}
