import { RoomctlError } from "../core/errors.js";
import { shellWord } from "../core/shell.js";
import type { ScheduledWork, ScheduleFile } from "./backup-schedule.js";

/** crontab(5) of Debian's cron takes no more. */
const longestCommand = 990;

/** Lines for `crontab -e`. Node itself reads the environment file, since a shell would give meaning to a `&` in a URL. */
export function crontabFile({ options, commands, program }: ScheduledWork): readonly ScheduleFile[] {
  const { name, schedule, environmentFile } = options;
  const start = [program.node, `--env-file=${environmentFile}`, program.roomctl];
  const command = commands.map((words) => [...start, ...words].map(shellWord).join(" ")).join(" && ");
  if (command.length > longestCommand || /\\[\\%]/.test(command)) {
    throw new RoomctlError(
      "E_USAGE",
      "cron takes no command that is so long, or has two backslashes or one and a per cent sign",
      {
        hint: "use shorter paths, or print units: roomctl backup schedule --cron '0 2 * * *' --print systemd",
      },
    );
  }
  const lines = [
    `# ${name}. For crontab -e; in /etc/cron.d a user's name stands before the command. Times are this machine's.`,
    `# ${environmentFile} (mode 600) must be there; it keeps what must not be seen here and in ps:`,
    "#   ROOMCTL_DATABASE_URL='postgresql://user:password@host/database'",
    "#   ROOMCTL_PING='https://hc-ping.com/the-check'",
    "# Mail is sent when something is said, and nothing is said when all is well:",
    "# MAILTO=you@example.org",
    "SHELL=/bin/sh",
    "PATH=/usr/local/bin:/usr/bin:/bin",
    // To cron, a bare % is the end of the line.
    `${schedule.text} ${command.replaceAll("%", "\\%")}`,
  ];
  return [{ path: "crontab", content: `${lines.join("\n")}\n` }];
}
