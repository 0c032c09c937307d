import type { AuditResult } from "../audit/database.js";
import { type Finding, isFailing, sortFindings } from "../audit/finding.js";
import { parseControlAddress } from "../audit/live-address.js";
import type { LiveReport } from "../audit/live-report.js";
import type { Database } from "../db/pool.js";
import type { CommandContext, Flag, ParsedInput } from "./command.js";

/** An audit, with what a running server holds where one was asked. */
export type AuditAnswer = AuditResult & { readonly live?: LiveReport };

export const liveFlags: readonly Flag[] = [
  {
    flags: "--live <url>",
    description:
      "Also compare what a running server holds: unix:/path/to.sock or http://host:port of its control endpoint",
  },
  {
    flags: "--control-token <token>",
    description: "Token of that endpoint; better as ROOMCTL_CONTROL_TOKEN, since ps shows it (default: none)",
  },
];

export interface LiveChoice {
  readonly address: string;
  readonly token: string | undefined;
}

/** Undefined without --live. Throws E_USAGE for an address that is none. */
export function parseLive({ live, controlToken }: ParsedInput["flags"]): LiveChoice | undefined {
  if (typeof live !== "string") return undefined;
  parseControlAddress(live);
  return { address: live, token: typeof controlToken === "string" ? controlToken : undefined };
}

/** Adds a server's memory to an audit of its database: the findings of both decide. Throws E_USAGE, E_CONTROL. */
export async function addLive(
  result: AuditResult,
  { address, token }: LiveChoice,
  { database, context, states }: LiveSurroundings,
): Promise<AuditAnswer> {
  const { auditLive } = await import("../audit/live.js");
  const { app, signal, onProgress } = context;
  const lockTimeoutMs = context.settings.lockTimeoutMs.value || undefined;
  if (token !== undefined) warnOfOpenToken(address, context);
  const added = await auditLive(database, app, { address, token, states, lockTimeoutMs, signal, onProgress });
  const findings: readonly Finding[] = sortFindings([...result.findings, ...added.findings]);
  return { ...result, findings, ok: !findings.some((one) => isFailing(one, result.failOn)), live: added.live };
}

export interface LiveSurroundings {
  readonly database: Database;
  readonly context: Pick<CommandContext, "app" | "settings" | "signal" | "onProgress" | "warn">;
  readonly states: readonly string[] | undefined;
}

function warnOfOpenToken(text: string, { warn }: Pick<CommandContext, "warn">): void {
  const address = parseControlAddress(text);
  if (!address.isSecure) warn(`the control token goes to ${address.shown} in clear text; use https, or a unix socket`);
}
