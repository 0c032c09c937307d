import { join } from "node:path";
import { RoomctlError } from "../core/errors.js";
import { packageRoot } from "../core/package-root.js";
import { crontabFile } from "./backup-schedule-cron.js";
import { cronJobFile } from "./backup-schedule-k8s.js";
import { parseSchedule, type ScheduleForm, type ScheduleOptions, scheduleFlags } from "./backup-schedule-options.js";
import { unitFiles } from "./backup-schedule-systemd.js";
import { type CommandContext, defineCommand } from "./command.js";

/** A file to put somewhere, or to give to `crontab -e` or `kubectl apply`. */
export interface ScheduleFile {
  /** Where it belongs; a mere name where that is not a path. */
  readonly path: string;
  readonly content: string;
}

export interface ScheduleResult {
  readonly form: ScheduleForm;
  readonly files: readonly ScheduleFile[];
}

/** What a schedule runs, one after the other as long as each succeeds: words of `roomctl`. */
export interface ScheduledWork {
  readonly options: ScheduleOptions;
  readonly repository: string;
  /** Each without the program. */
  readonly commands: readonly (readonly string[])[];
  /** Absolute paths: cron and systemd look nowhere. */
  readonly program: { readonly node: string; readonly roomctl: string };
}

export const backupSchedule = defineCommand<ScheduleOptions, ScheduleResult>({
  name: "backup schedule",
  summary: "Print a crontab line, systemd units or a Kubernetes CronJob that makes backups",
  description: [
    "Prints and changes nothing. Every run makes a backup and reads it back; with a keep rule it then deletes what no rule holds.",
    "The address of the database is never printed: it belongs into the file of --environment-file, or a Secret. See docs/backup-cron.md.",
  ],
  flags: scheduleFlags,
  examples: [
    {
      command: "roomctl backup schedule --cron '0 2 * * *' --print cron",
      explanation: "a line for crontab -e, every night at two",
    },
    {
      command:
        "roomctl backup schedule --cron '0 */6 * * *' --print systemd --jitter 10m --keep-daily 7 --keep-weekly 4",
      explanation: "a service and its timer, with retention",
    },
    {
      command: "roomctl backup schedule --cron '30 1 * * mon-fri' --print k8s --time-zone Europe/Berlin",
      explanation: "a CronJob with its volume claim",
    },
  ],
  parse: parseSchedule,
  async run(options, context) {
    return { form: options.form, files: printers[options.form](plan(options, context)) };
  },
  render: ({ files }) => files.flatMap(({ content }) => content.trimEnd().split("\n").concat("")).slice(0, -1),
});

const printers = {
  cron: crontabFile,
  systemd: unitFiles,
  k8s: cronJobFile,
} as const satisfies Record<ScheduleForm, (work: ScheduledWork) => readonly ScheduleFile[]>;

function plan(options: ScheduleOptions, { settings, configPath }: CommandContext): ScheduledWork {
  const { form, keep, metrics, jitter, timeZone } = options;
  const { value, origin } = settings.backupRepository;
  const repository = form === "k8s" && origin === "default" ? "/backups" : value;
  // A configuration lies on this machine; an image has its own.
  const config = configPath === undefined || form === "k8s" ? [] : ["--config", configPath];
  const shared = ["--quiet", "--repo", repository, ...config, "--lock-wait", "10m"];
  // systemd has a delay of its own.
  const delay = jitter === undefined || form === "systemd" ? [] : ["--jitter", jitter.text];
  const watched = metrics === undefined ? [] : ["--metrics", metrics];
  const zone = timeZone === undefined ? [] : ["--time-zone", timeZone];
  const create = ["backup", "create", ...shared, "--verify", ...delay, ...watched];
  const prune = ["backup", "prune", ...shared, ...keep, ...zone];
  const commands = keep.length === 0 ? [create] : [create, prune];
  for (const word of [...commands.flat(), options.environmentFile, options.user]) assertPrintable(word);
  const program = { node: process.execPath, roomctl: join(packageRoot, "bin", "roomctl.js") };
  return { options, repository, commands, program };
}

/** A line's end in a path would be the end of a line of the unit, and what follows a line of its own. */
function assertPrintable(word: string): void {
  if (!/\p{Cc}/u.test(word)) return;
  throw new RoomctlError("E_USAGE", `a name with control characters cannot be printed: ${JSON.stringify(word)}`, {
    hint: "give the folder or file another name",
  });
}
