import { userInfo } from "node:os";
import { resolve } from "node:path";
import { type CronSchedule, parseCron } from "../backup/schedule-cron.js";
import { RoomctlError } from "../core/errors.js";
import { parseJitter } from "./backup-create-options.js";
import { parsePrune, pruneFlags } from "./backup-prune-options.js";
import type { Flag, ParsedInput } from "./command.js";

const forms = ["cron", "systemd", "k8s"] as const;
export type ScheduleForm = (typeof forms)[number];

export interface ScheduleOptions {
  readonly form: ScheduleForm;
  readonly schedule: CronSchedule;
  /** Of the units, the CronJob and what belongs to it. */
  readonly name: string;
  /** IANA name; undefined for the machine's own. */
  readonly timeZone: string | undefined;
  readonly user: string;
  readonly image: string;
  /** Absolute, like `metrics`. */
  readonly environmentFile: string;
  readonly metrics: string | undefined;
  /** As typed, and in milliseconds. */
  readonly jitter: { readonly text: string; readonly ms: number } | undefined;
  /** The words of `backup prune`; none when no rule was given. */
  readonly keep: readonly string[];
}

const keepFlags = pruneFlags.filter(({ flags }) => !flags.startsWith("--time-zone"));

export const scheduleFlags: readonly Flag[] = [
  { flags: "--cron <expression>", description: "When: minute, hour, day of the month, month, day of the week" },
  { flags: "--print <form>", description: "cron, systemd or k8s" },
  { flags: "--repo <dir>", description: "Folder of backups (default: .roomctl/backups; for k8s /backups)" },
  { flags: "--name <name>", description: "What to call it (default: roomctl-backup)" },
  { flags: "--time-zone <name>", description: "Of the times, and of the days that a keep rule counts" },
  { flags: "--jitter <duration>", description: "Wait for a random part of this before each start" },
  { flags: "--metrics <file>", description: "Prometheus textfile that each run brings up to date" },
  {
    flags: "--environment-file <file>",
    description: "Where the address of the database is kept (default: /etc/roomctl/NAME.env)",
  },
  { flags: "--user <name>", description: "systemd: who runs it (default: who runs this)" },
  { flags: "--image <image>", description: "k8s: the image that holds roomctl (default: roomctl:latest)" },
  ...keepFlags,
];

/** Throws E_USAGE. */
export function parseSchedule({ flags }: ParsedInput): ScheduleOptions {
  const text = (name: string) => (typeof flags[name] === "string" ? flags[name] : undefined);
  const form = forms.find((one) => one === text("print"));
  if (form === undefined) throw usage("--print says what to print: cron, systemd or k8s");
  const name = text("name") ?? "roomctl-backup";
  // What Kubernetes takes for a CronJob is good for a unit and a file as well.
  if (!/^[a-z0-9]([-a-z0-9]{0,50}[a-z0-9])?$/.test(name)) {
    throw usage("--name takes lower-case letters, digits and dashes, 52 at most");
  }
  const [metrics, jitter, timeZone] = [text("metrics"), text("jitter"), text("timeZone")];
  if (timeZone !== undefined) checkTimeZone(timeZone, form);
  return {
    form,
    schedule: parseCron(text("cron") ?? ""),
    name,
    timeZone,
    user: text("user") ?? ownName(),
    image: text("image") ?? "roomctl:latest",
    environmentFile: resolve(text("environmentFile") ?? `/etc/roomctl/${name}.env`),
    metrics: metrics === undefined ? undefined : resolve(metrics),
    jitter: jitter === undefined ? undefined : { text: jitter, ms: parseJitter(jitter) },
    keep: keepWords(flags),
  };
}

function checkTimeZone(timeZone: string, form: ScheduleForm): void {
  if (form === "cron") {
    throw new RoomctlError("E_USAGE", "cron starts its jobs by the clock of its machine, whatever --time-zone says", {
      hint: "leave it out, or print a timer: roomctl backup schedule --cron '0 2 * * *' --print systemd",
    });
  }
  if (!/^[\w+/-]+$/.test(timeZone) || !isTimeZone(timeZone)) throw usage(`--time-zone: there is no ${timeZone}`);
}

function isTimeZone(timeZone: string): boolean {
  try {
    new Intl.DateTimeFormat("en", { timeZone });
    return true;
  } catch {
    // A RangeError: not known.
    return false;
  }
}

function ownName(): string {
  try {
    return userInfo().username;
  } catch {
    // A number without a name, as containers give.
    return "root";
  }
}

/** What was said of retention, in the words of `backup prune`, which reads them here already. */
function keepWords(flags: ParsedInput["flags"]): readonly string[] {
  const words = keepFlags.flatMap(({ flags: flag }) => {
    const name = flag.split(" ")[0] ?? "";
    const value = flags[name.slice(2).replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())];
    return typeof value === "string" ? [name, value] : [];
  });
  if (words.length > 0) parsePrune({ flags: { ...flags, timeZone: undefined } });
  return words;
}

function usage(message: string): RoomctlError {
  return new RoomctlError("E_USAGE", message, { hint: "roomctl backup schedule --cron '0 2 * * *' --print systemd" });
}
