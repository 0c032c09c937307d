import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { defaultLoaders } from "cosmiconfig";
import { expect, test } from "vitest";
import { type CronSchedule, parseCron, readsAlikeInKubernetes } from "../../src/backup/schedule-cron.js";
import { calendarEvents } from "../../src/backup/schedule-systemd.js";
import type { ScheduledWork } from "../../src/commands/backup-schedule.js";
import { crontabFile } from "../../src/commands/backup-schedule-cron.js";
import { cronJobFile } from "../../src/commands/backup-schedule-k8s.js";
import { parseSchedule } from "../../src/commands/backup-schedule-options.js";
import { unitFiles } from "../../src/commands/backup-schedule-systemd.js";
import { RoomctlError } from "../../src/core/errors.js";

const systemdAnalyze = "systemd-analyze";
const hasSystemd = spawnSync(systemdAnalyze, ["calendar", "daily"]).status === 0;

test.each<[string, Partial<CronSchedule>]>([
  ["0 2 * * *", { minutes: [0], hours: [2], days: "both" }],
  [
    "*/20 0-6/3 1,15-17 jan,Mar-may *",
    { minutes: [0, 20, 40], hours: [0, 3, 6], daysOfMonth: [1, 15, 16, 17], months: [1, 3, 4, 5], days: "both" },
  ],
  ["0 0 * * 7", { daysOfWeek: [0] }],
  ["0 0 * * 5-7", { daysOfWeek: [0, 5, 6] }],
  ["0 0 * * SUN,mon-Fri", { daysOfWeek: [0, 1, 2, 3, 4, 5] }],
  ["0 0 * * */2", { daysOfWeek: [0, 2, 4, 6] }],
  ["0 0 1 * 1", { days: "either" }],
  ["0 0 */2 * 1", { days: "both" }],
  ["0 0 1-31/2 * 1", { days: "either" }],
  ["  0\t2  *  * * ", { text: "0 2 * * *" }],
  ["@daily", { text: "0 0 * * *" }],
  ["@Weekly", { text: "0 0 * * 0", daysOfWeek: [0] }],
  ["0 0 29 2 *", { daysOfMonth: [29], months: [2] }],
  ["0 0 31 2 1", { days: "either" }],
])("%j is read as cron reads it", (text, expected) => {
  expect(parseCron(text)).toMatchObject(expected);
});

test.each([
  ["", "1 fields instead of 5"],
  ["0 2 * *", "4 fields"],
  ["0 0 2 * * *", "6 fields"],
  ["60 2 * * *", '"60" is no minute'],
  ["0 24 * * *", '"24" is no hour'],
  ["0 0 0 * *", '"0" is no day of the month'],
  ["0 0 32 * *", '"32" is no day of the month'],
  ["0 0 * 13 *", '"13" is no month'],
  ["0 0 * * 8", '"8" is no day of the week'],
  ["0 0 * mon *", '"mon" is no month'],
  ["0 0 L * *", '"L" is no day of the month'],
  ["0 0 ? * 1#2", '"?" is no day of the month'],
  ["-5 0 * * *", '"-5" is no minute'],
  ["0.5 0 * * *", '"0.5" is no minute'],
  ["0, 0 * * *", '"" is no minute'],
  ["30-10 0 * * *", "runs backwards"],
  ["*/0 0 * * *", "has a step"],
  ["*/61 0 * * *", "has a step"],
  ["5/15 0 * * *", "write it as 5-59/15"],
  ["0 0 5,* * 1", "no more than *"],
  ["0 0 31 2 *", "no month of it has such a day"],
  ["0 0 31 4,6,9,11 *", "no month of it has such a day"],
  ["@reboot", "there is no time in @reboot"],
  ["0 2 * * * root", "6 fields"],
])("%j is refused, saying why", (text, why) => {
  expect(() => parseCron(text)).toThrow(why);
  expect(() => parseCron(text)).toThrow(RoomctlError);
});

test.each([
  ["0 2 * * *", ["*-*-* 02:00:00"]],
  ["*/15 * * * *", ["*-*-* *:00,15,30,45:00"]],
  ["5 0-6,22 * * mon-fri", ["Mon..Fri *-*-* 00..06,22:05:00"]],
  ["0 0 * * 0,6", ["Sat,Sun *-*-* 00:00:00"]],
  ["0 0 1 */3 *", ["*-01,04,07,10-01 00:00:00"]],
  ["0 2 1,15 * 1", ["*-*-01,15 02:00:00", "Mon *-*-* 02:00:00"]],
  ["0 2 */2 * 1", ["Mon *-*-01,03,05,07,09,11,13,15,17,19,21,23,25,27,29,31 02:00:00"]],
])("cron's %j is systemd's %j", (text, expected) => {
  expect(calendarEvents(parseCron(text), undefined)).toEqual(expected);
  const zoned = calendarEvents(parseCron(text), "Europe/Berlin");
  expect(zoned).toEqual(expected.map((event) => `${event} Europe/Berlin`));
});

/** A field of cron's, once more and as simply as can be: does it name this number? */
function names(field: string, number: number, [least, most]: readonly [number, number]): boolean {
  return field.split(",").some((part) => {
    const [range = "", step = "1"] = part.split("/");
    const [from = 0, to = from] = range === "*" ? [least, most] : range.split("-").map(Number);
    return number >= from && number <= to && (number - from) % Number(step) === 0;
  });
}

/** crontab(5) in UTC: the first `count` times after `from` of an expression without names. */
function* cronTimes(text: string, from: Date, count: number): Generator<string> {
  const [minute = "", hour = "", day = "", month = "", weekday = ""] = text.split(" ");
  const midnight = new Date(`${from.toISOString().slice(0, 10)}T00:00:00Z`).getTime();
  for (let at = midnight, found = 0; found < count; at += 86_400_000) {
    const date = new Date(at);
    if (!names(month, date.getUTCMonth() + 1, [1, 12])) continue;
    const isDay = names(day, date.getUTCDate(), [1, 31]);
    const isWeekday =
      names(weekday, date.getUTCDay(), [0, 6]) ||
      (date.getUTCDay() === 0 && weekday !== "*" && names(weekday, 7, [0, 7]));
    const isBoth = day.startsWith("*") || weekday.startsWith("*");
    if (isBoth ? !(isDay && isWeekday) : !(isDay || isWeekday)) continue;
    for (let time = at; time < at + 86_400_000 && found < count; time += 60_000) {
      const moment = new Date(time);
      if (time <= from.getTime() || !names(hour, moment.getUTCHours(), [0, 23])) continue;
      if (!names(minute, moment.getUTCMinutes(), [0, 59])) continue;
      found += 1;
      yield moment.toISOString().slice(0, 19).replace("T", " ");
    }
  }
}

function systemdTimes(event: string, from: Date, count: number): string[] {
  const base = `${from.toISOString().slice(0, 19).replace("T", " ")} UTC`;
  const words = ["calendar", `--base-time=${base}`, `--iterations=${count}`, event];
  const output = execFileSync(systemdAnalyze, words, { encoding: "utf8", env: { TZ: "UTC", LANG: "C" } });
  return [...output.matchAll(/(?:elapse|Iter\. #\d+): \w+ ([\d-]+ [\d:]+) UTC/g)].map((match) => match[1] ?? "");
}

const expressions = [
  "0 2 * * *",
  "*/7 * * * *",
  "17 3,15 * * *",
  "0 0 1 * *",
  "0 0 * * 0",
  "0 0 * * 7",
  "30 4 * * 1-5",
  "0 6 1,15 * 1",
  "0 0 31 * *",
  "59 23 28-31 * *",
  "0 12 */10 * 3",
  "0 12 1-31/10 * 3",
  "0 12 13 * 5",
  "5 5 * */5 */3",
  "0 0 29 2 *",
  "1,2,3,5,8,13,21,34,55 0-4/2 5-9 1-12/4 2,4,6",
  "0 22 * 12 5-7",
  "15 10 1 1 *",
  "0 0 1-7 * 6",
  "*/30 9-17 * * 1-5",
];

test.runIf(hasSystemd)("systemd starts what it was told when cron would", () => {
  // Just before a turn of the year with a leap day ahead.
  const from = new Date("2027-12-30T21:58:30Z");
  for (const text of expressions) {
    const times = calendarEvents(parseCron(text), undefined).flatMap((event) => systemdTimes(event, from, 10));
    const first = [...new Set(times)].sort().slice(0, 10);
    expect({ text, times: first }).toEqual({ text, times: [...cronTimes(text, from, 10)] });
  }
});

test.each([
  ["0 2 * * 1", true],
  ["0 2 */2 * *", true],
  ["0 2 1 * 1", true],
  ["*/5 */2 1 */2 1", true],
  ["0 2 */2 * 1", false],
  ["0 2 1 * */2", false],
])("%j means the same to Kubernetes: %j", (text, expected) => {
  expect(readsAlikeInKubernetes(parseCron(text))).toBe(expected);
});

const hostile = "/var/b k$HOME/50%/\"q\"/'x'/ü&;#(1)";

function work(words: Readonly<Record<string, string>> = {}, repository = "/var/backups/app"): ScheduledWork {
  const flags = { cron: "0 2 1,15 * mon-fri", print: "systemd", user: "root", jitter: "10m", ...words };
  const options = parseSchedule({ words: [], flags });
  const create = ["backup", "create", "--quiet", "--repo", repository, "--note", "$(HOME) %h"];
  const prune = ["backup", "prune", "--quiet", "--repo", repository, ...options.keep];
  const commands = options.keep.length === 0 ? [create] : [create, prune];
  return {
    options,
    repository,
    commands,
    program: { node: process.execPath, roomctl: "/opt/room ctl/bin/roomctl.js" },
  };
}

test.runIf(hasSystemd).each([["/var/backups/app"], [hostile]])(
  "systemd finds nothing wrong with the units for %j",
  (repository) => {
    const folder = mkdtempSync(join(tmpdir(), "roomctl-units-"));
    const files = unitFiles(work({ keepDaily: "7", metrics: "/var/lib/node exporter/backup.prom" }, repository));
    for (const { path, content } of files) writeFileSync(join(folder, basename(path)), content);
    for (const { path } of files) {
      const verified = spawnSync(systemdAnalyze, ["verify", "--man=no", join(folder, basename(path))], {
        encoding: "utf8",
      });
      expect(verified).toMatchObject({ status: 0, stderr: "", stdout: "" });
    }
    rmSync(folder, { recursive: true });
  },
);

test("the units hold the times, the delay, the user, the environment file, and every word as it is", () => {
  const [service, timer] = unitFiles(work({ keepDaily: "7", timeZone: "Europe/Berlin" }, hostile));
  expect(timer?.path).toBe("/etc/systemd/system/roomctl-backup.timer");
  expect(timer?.content).toContain(
    `OnCalendar=*-*-01,15 02:00:00 Europe/Berlin
OnCalendar=Mon..Fri *-*-* 02:00:00 Europe/Berlin
RandomizedDelaySec=600
`,
  );
  expect(timer?.content).toContain("Persistent=yes");
  expect(service?.content).toContain("User=root\n");
  expect(service?.content).toContain("EnvironmentFile=/etc/roomctl/roomctl-backup.env\n");
  const escaped = String.raw`"/var/b k$$HOME/50%%/\"q\"/'x'/ü&;#(1)"`;
  const starts = service?.content.split("\n").filter((line) => line.startsWith("ExecStart="));
  expect(starts).toEqual([
    `ExecStart=${process.execPath} "/opt/room ctl/bin/roomctl.js" backup create --quiet --repo ${escaped} --note "$$(HOME) %%h"`,
    `ExecStart=${process.execPath} "/opt/room ctl/bin/roomctl.js" backup prune --quiet --repo ${escaped} --keep-daily 7`,
  ]);
  expect(service?.content).toContain(`ReadWritePaths=${escaped.replace("$$", "$")}\n`);
});

interface Container {
  readonly name: string;
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly valueFrom?: object }[];
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

interface CronJob {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec: {
    readonly schedule: string;
    readonly timeZone: string;
    readonly concurrencyPolicy: string;
    readonly jobTemplate: {
      readonly spec: {
        readonly template: {
          readonly spec: {
            readonly restartPolicy: string;
            readonly initContainers?: readonly Container[];
            readonly containers: readonly Container[];
            readonly volumes: readonly { readonly name: string; readonly persistentVolumeClaim?: object }[];
          };
        };
      };
    };
  };
}

/** The documents of a YAML file. */
function documentsOf(content: string): readonly unknown[] {
  return content.split(/^---$/m).map((text) => defaultLoaders[".yaml"]("cronjob.yaml", text));
}

test("the CronJob is YAML that forbids overlapping runs, takes its secrets from a Secret and keeps backups on a claim", () => {
  const [file] = cronJobFile(work({ print: "k8s", name: "nightly", timeZone: "Europe/Berlin" }, hostile));
  const [job, claim] = documentsOf(file?.content ?? "") as [CronJob, { kind: string; metadata: { name: string } }];
  expect(job).toMatchObject({
    apiVersion: "batch/v1",
    kind: "CronJob",
    metadata: { name: "nightly" },
    spec: { schedule: "0 2 1,15 * mon-fri", timeZone: "Europe/Berlin", concurrencyPolicy: "Forbid" },
  });
  const pod = job.spec.jobTemplate.spec.template.spec;
  expect(pod.restartPolicy).toBe("Never");
  expect(pod.initContainers).toBeUndefined();
  const [container] = pod.containers;
  expect(container?.args.slice(3)).toEqual(["--repo", hostile, "--note", "$$(HOME) %h"]);
  expect(container?.env[0]).toEqual({
    name: "ROOMCTL_DATABASE_URL",
    valueFrom: { secretKeyRef: { name: "nightly", key: "ROOMCTL_DATABASE_URL" } },
  });
  expect(container?.volumeMounts[0]).toEqual({ name: "backups", mountPath: hostile });
  expect(pod.volumes[0]).toEqual({ name: "backups", persistentVolumeClaim: { claimName: "nightly" } });
  expect(claim).toMatchObject({ kind: "PersistentVolumeClaim", metadata: { name: "nightly" } });
});

test("with a keep rule, the CronJob prunes only after a backup that succeeded", () => {
  const [file] = cronJobFile(work({ print: "k8s", keepDaily: "7" }));
  const [job] = documentsOf(file?.content ?? "") as [CronJob];
  const { initContainers, containers } = job.spec.jobTemplate.spec.template.spec;
  expect([initContainers, containers].map((each) => each?.map(({ name }) => name))).toEqual([["create"], ["prune"]]);
});

test("Kubernetes gets Sunday as 0, and no days that it would read otherwise", () => {
  const [file] = cronJobFile(work({ print: "k8s", cron: "0 2 * * 5-7" }));
  expect(file?.content).toContain('schedule: "0 2 * * 0,5,6"');
  expect(() => cronJobFile(work({ print: "k8s", cron: "0 2 */2 * 1" }))).toThrow(/read .* differently/);
  expect(() => cronJobFile(work({ print: "k8s", metrics: "/x.prom" }))).toThrow(/seen by nobody/);
});

test("a command that cron would cut or misread is refused", () => {
  expect(() => crontabFile(work({ print: "cron" }, `/${"x".repeat(900)}`))).toThrow(/so long/);
  expect(() => crontabFile(work({ print: "cron" }, "/a\\%b"))).toThrow(/backslash/);
});

test.each<[Record<string, string>, RegExp]>([
  [{ print: "anacron" }, /cron, systemd or k8s/],
  [{ name: "Nightly Backup" }, /--name takes/],
  [{ timeZone: "Europe/Atlantis" }, /there is no Europe\/Atlantis/],
  [{ timeZone: "Europe/Berlin\nUser=root" }, /there is no/],
  [{ print: "cron", timeZone: "Europe/Berlin" }, /clock of its machine/],
  [{ keepDaily: "many" }, /--keep-daily is no number/],
  [{ minKeep: "2" }, /no rule says/],
  [{ jitter: "2d" }, /longer than a day/],
])("%j is refused", (flags, why) => {
  const given = { cron: "0 2 * * *", print: "systemd", ...flags };
  expect(() => parseSchedule({ words: [], flags: given })).toThrow(why);
});
