import { hostname } from "node:os";
import { parseDurationMs } from "../core/duration.js";
import { RoomctlError } from "../core/errors.js";
import { defaultSettings, type RateLimit, type ServerSettings } from "../server/settings.js";
import type { Flag, ParsedInput } from "./command.js";
import { parseServeIceOptions, type ServeIceOptions, serveIceFlags } from "./serve-ice.js";

export interface ServeOptions {
  readonly settings: ServerSettings;
  readonly isMemoryOnly: boolean;
  readonly controlPath: string | undefined;
  readonly mailDirectory: string | undefined;
  readonly ice: ServeIceOptions;
  readonly failpoint: string | undefined;
  readonly plantedBug: string | undefined;
}

export const serveFlags: readonly Flag[] = [
  { flags: "--host <address>", description: "Address to listen on (default 127.0.0.1)" },
  { flags: "--port <port>", description: "Port to listen on, 0 for a free one (default 8080)" },
  {
    flags: "--instance <name>",
    description:
      "Who this server is across restarts (default: the machine's name); the next one of that name takes over",
  },
  { flags: "--memory-only", description: "Use no database: everything is gone after a restart" },
  {
    flags: "--origin <url>",
    description: "Page that browsers may come from, besides the server's own",
    isRepeatable: true,
  },
  { flags: "--trusted-proxies <count>", description: "Proxies in front whose word on addresses counts (default 0)" },
  { flags: "--control <path>", description: "Private Unix socket for `audit --live` and for bans; none unless told" },
  {
    flags: "--mail-dir <folder>",
    description: "Where e-mails with codes are put as files; without it nobody can link one",
  },
  ...serveIceFlags,
  { flags: "--grace <duration>", description: "How long a room waits for a side that dropped (default 10s)" },
  { flags: "--torch <duration>", description: "Silence in a text room before the warning (default 60s)" },
  { flags: "--torch-warning <duration>", description: "Silence after the warning that ends the room (default 30s)" },
  { flags: "--cooldown <duration>", description: "How long two who have met do not meet again (default 24h)" },
  { flags: "--flush <duration>", description: "How long a change may wait before it is written (default 50ms)" },
  { flags: "--heartbeat <duration>", description: "How often the server leaves a sign of life (default 30s)" },
  { flags: "--drain <duration>", description: "How long a stop may take to write what is left (default 10s)" },
  { flags: "--max-connections <count>", description: "Connections at most (default 20000)" },
  { flags: "--max-connections-per-address <count>", description: "Connections of one address at most (default 200)" },
  { flags: "--limit-scale <factor>", description: "Multiplies every rate limit, for load tests (default 1)" },
  {
    flags: "--failpoint <spec>",
    description: "Kill or delay at a named place: name[:count][:kill|:delay=MS], for drills",
  },
  { flags: "--planted-bug <name>", description: "Run with a known bug, to prove that a drill finds it" },
];

/** Throws E_USAGE that names the flag. */
export function parseServeOptions({ flags }: ParsedInput): ServeOptions {
  const text = (name: string) => {
    const value = flags[name];
    return typeof value === "string" ? value : undefined;
  };
  const duration = (name: string, otherwise: number) => {
    const value = text(name);
    return value === undefined
      ? otherwise
      : parseDurationMs(value, `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`);
  };
  const whole = (name: string, flag: string, bounds: Bounds) => parseWhole(text(name), flag, bounds);
  const scale = parseScale(text("limitScale"));
  const base = defaultSettings;
  const origins = flags["origin"];
  return {
    settings: {
      ...base,
      host: text("host") ?? base.host,
      port: whole("port", "--port", { otherwise: base.port, most: 65_535 }),
      instance: text("instance") ?? hostname(),
      origins: Array.isArray(origins) ? origins.map(parseOrigin) : [],
      trustedProxies: whole("trustedProxies", "--trusted-proxies", { otherwise: 0, most: 10 }),
      graceMs: duration("grace", base.graceMs),
      torchSilenceMs: duration("torch", base.torchSilenceMs),
      torchWarningMs: duration("torchWarning", base.torchWarningMs),
      cooldownMs: duration("cooldown", base.cooldownMs),
      flushMs: duration("flush", base.flushMs),
      heartbeatMs: duration("heartbeat", base.heartbeatMs),
      drainMs: duration("drain", base.drainMs),
      maxConnections: whole("maxConnections", "--max-connections", { otherwise: base.maxConnections }),
      maxConnectionsPerIp: whole("maxConnectionsPerAddress", "--max-connections-per-address", {
        otherwise: base.maxConnectionsPerIp,
      }),
      limits: scaleLimits(base.limits, scale),
    },
    isMemoryOnly: flags["memoryOnly"] === true,
    controlPath: text("control"),
    mailDirectory: text("mailDir"),
    ice: parseServeIceOptions({ flags }),
    failpoint: text("failpoint"),
    plantedBug: text("plantedBug"),
  };
}

interface Bounds {
  readonly otherwise: number;
  readonly most?: number;
}

function parseWhole(text: string | undefined, flag: string, { otherwise, most = 1_000_000 }: Bounds): number {
  if (text === undefined) return otherwise;
  if (/^\d{1,7}$/.test(text) && Number(text) <= most) return Number(text);
  throw new RoomctlError("E_USAGE", `${flag} is not a number from 0 to ${most}: ${JSON.stringify(text)}`, {
    hint: "roomctl serve --help",
  });
}

function parseScale(text: string | undefined): number {
  const scale = Number(text ?? 1);
  if (scale > 0 && scale <= 1_000_000) return scale;
  throw new RoomctlError("E_USAGE", `--limit-scale is not a factor above 0: ${JSON.stringify(text)}`, {
    hint: "roomctl serve --limit-scale 100",
  });
}

function scaleLimits(limits: ServerSettings["limits"], scale: number): ServerSettings["limits"] {
  const scaled = Object.entries(limits).map(([name, { count, windowMs }]): [string, RateLimit] => [
    name,
    { count: Math.max(1, Math.round(count * scale)), windowMs },
  ]);
  return Object.fromEntries(scaled) as ServerSettings["limits"];
}

function parseOrigin(text: string): string {
  if (text === "*") return text;
  const parsed = URL.canParse(text) ? new URL(text) : undefined;
  if (parsed && /^https?:$/.test(parsed.protocol) && parsed.origin === text.replace(/\/$/, "")) return parsed.origin;
  throw new RoomctlError("E_USAGE", `--origin is not an origin: ${JSON.stringify(text)}`, {
    hint: "roomctl serve --origin https://rooms.example.com",
  });
}
