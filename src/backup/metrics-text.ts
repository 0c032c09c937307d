/** Names of the metrics, by what they say. All are gauges. */
export const metricNames = {
  lastRun: "roomctl_backup_last_run_timestamp_seconds",
  lastStatus: "roomctl_backup_last_run_status",
  lastSuccess: "roomctl_backup_last_success_timestamp_seconds",
  duration: "roomctl_backup_duration_seconds",
  rows: "roomctl_backup_rows",
  size: "roomctl_backup_size_bytes",
  tables: "roomctl_backup_tables",
  count: "roomctl_backup_backups",
  oldest: "roomctl_backup_oldest_timestamp_seconds",
  newest: "roomctl_backup_newest_timestamp_seconds",
  verified: "roomctl_backup_verified_timestamp_seconds",
} as const;

const meanings: Readonly<Record<keyof typeof metricNames, string>> = {
  lastRun: "When roomctl backup create ended last, whatever came of it.",
  lastStatus: "Exit code of the last run; 0 is success.",
  lastSuccess: "When a run succeeded last; 0 before the first time.",
  duration: "How long the last run took.",
  rows: "Rows of the last backup that was made.",
  size: "Stored bytes of the last backup that was made.",
  tables: "Tables of the last backup that was made.",
  count: "Whole backups of the database that are there and not known to be damaged.",
  oldest: "When the oldest of them was made.",
  newest: "When the newest of them was made.",
  verified: "When one of them was verified last; 0 before the first time.",
};

/** The values of one database in one repository, by metric name. */
export interface Samples {
  readonly database: string;
  readonly repository: string;
  readonly values: Readonly<Record<string, number | undefined>>;
}

/** Prometheus's text format (https://prometheus.io/docs/instrumenting/exposition_formats/), a metric's lines together. */
export function formatSamples(samples: readonly Samples[]): string {
  const metrics = Object.entries(metricNames).map(([key, name]) => {
    const lines = samples.flatMap(({ database, repository, values }) => {
      const labels = `database="${escapeLabel(database)}",repository="${escapeLabel(repository)}"`;
      return values[name] === undefined ? [] : [`${name}{${labels}} ${values[name]}\n`];
    });
    const head = `# HELP ${name} ${meanings[key as keyof typeof metricNames]}\n# TYPE ${name} gauge\n`;
    return lines.length === 0 ? "" : head + lines.join("");
  });
  return metrics.join("");
}

function escapeLabel(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll('"', '\\"').replaceAll("\n", "\\n");
}

const ownNames = new Set<string>(Object.values(metricNames));
const sampleLine = /^(\w+)\{database="((?:[^"\\]|\\.)*)",repository="((?:[^"\\]|\\.)*)"\} (\S+)$/;

/** Reads what `formatSamples` wrote; what it did not write is left out. */
export function parseSamples(text: string): readonly Samples[] {
  const found = new Map<string, { database: string; repository: string; values: Record<string, number> }>();
  for (const line of text.split("\n")) {
    const [, name = "", database, repository, value] = sampleLine.exec(line) ?? [];
    if (database === undefined || repository === undefined || !ownNames.has(name)) continue;
    const key = JSON.stringify([database, repository]);
    const one = found.get(key) ?? {
      database: unescapeLabel(database),
      repository: unescapeLabel(repository),
      values: {},
    };
    const number = Number(value);
    if (Number.isFinite(number)) one.values[name] = number;
    found.set(key, one);
  }
  return [...found.values()];
}

function unescapeLabel(text: string): string {
  return text.replace(/\\(.)/g, (_, character: string) => (character === "n" ? "\n" : character));
}
