import { dirname } from "node:path";
import { calendarEvents } from "../backup/schedule-systemd.js";
import type { ScheduledWork, ScheduleFile } from "./backup-schedule.js";

/** A service that runs once, and the timer that starts it. */
export function unitFiles(work: ScheduledWork): readonly ScheduleFile[] {
  const folder = "/etc/systemd/system";
  const { name } = work.options;
  return [
    { path: `${folder}/${name}.service`, content: serviceUnit(work, `${folder}/${name}.service`) },
    { path: `${folder}/${name}.timer`, content: timerUnit(work, `${folder}/${name}.timer`) },
  ];
}

function serviceUnit({ options, repository, commands, program }: ScheduledWork, path: string): string {
  const { name, user, environmentFile, metrics } = options;
  const writable = [repository, ...(metrics === undefined ? [] : [dirname(metrics)])];
  const starts = commands.map((words) => [program.node, program.roomctl, ...words].map(argument).join(" "));
  return `# ${path}
[Unit]
Description=Backup of a PostgreSQL database (${name})
Documentation=https://www.freedesktop.org/software/systemd/man/systemd.service.html
After=network-online.target
Wants=network-online.target
# OnFailure=another.service

[Service]
Type=oneshot
User=${specifierless(user)}
# Mode 600. It keeps what must not be seen here: ROOMCTL_DATABASE_URL='postgresql://user@host/database', ROOMCTL_PING='https://…'
EnvironmentFile=${specifierless(environmentFile)}
# Or a password file that only this service sees:
# LoadCredential=pgpass:/etc/roomctl/${name}.pgpass
# Environment=PGPASSFILE=%d/pgpass
${starts.map((start) => `ExecStart=${start}`).join("\n")}
# Beside it, a backup takes what is left of the machine.
Nice=10
# State and scratch files; the folders of backups and metrics must exist.
StateDirectory=${name}
Environment=ROOMCTL_STATE_DIR=%S/${name}
WorkingDirectory=%S/${name}
ReadWritePaths=${writable.map(quoted).join(" ")}
UMask=0077
NoNewPrivileges=yes
CapabilityBoundingSet=
ProtectSystem=strict
ProtectHome=read-only
# With PostgreSQL's socket in /tmp, take this line out.
PrivateTmp=yes
PrivateDevices=yes
ProtectKernelTunables=yes
ProtectKernelModules=yes
ProtectKernelLogs=yes
ProtectControlGroups=yes
ProtectClock=yes
ProtectHostname=yes
RestrictAddressFamilies=AF_UNIX AF_INET AF_INET6
RestrictNamespaces=yes
RestrictRealtime=yes
RestrictSUIDSGID=yes
LockPersonality=yes
SystemCallArchitectures=native
`;
}

function timerUnit({ options }: ScheduledWork, path: string): string {
  const { name, schedule, timeZone, jitter } = options;
  const events = calendarEvents(schedule, timeZone).map((event) => `OnCalendar=${event}`);
  const delay = jitter === undefined ? [] : [`RandomizedDelaySec=${Math.ceil(jitter.ms / 1000)}`];
  return `# ${path}
# systemctl daemon-reload && systemctl enable --now ${name}.timer
[Unit]
Description=Starts ${name}.service: ${schedule.text}

[Timer]
${[...events, ...delay].join("\n")}
AccuracySec=1s
# After a time switched off, at once what was missed.
Persistent=yes

[Install]
WantedBy=timers.target
`;
}

/** A word of a command line, where `$` begins a variable: systemd.service(5). */
function argument(word: string): string {
  return quoted(word.replaceAll("$", "$$$$"));
}

/** A word of a list: systemd.syntax(7). */
function quoted(word: string): string {
  const literal = specifierless(word);
  return /^[\w./:@%$+=,-]+$/.test(literal) ? literal : `"${literal.replace(/["\\]/g, "\\$&")}"`;
}

/** `%` stands for what systemd knows; two of them for itself. */
function specifierless(text: string): string {
  return text.replaceAll("%", "%%");
}
