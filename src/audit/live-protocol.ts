import { z } from "zod";
import { type ControlEndpoint, controlError } from "./live-client.js";

/**
 * What a control endpoint answers; `docs/audit-live.md` is its description. Fields that are not named here may come with
 * it. Versions and epochs may be numbers or, beyond 2^53, decimal text; here they are text.
 */
const count = z.int().nonnegative();
const version = z.union([count.transform(String), z.string().regex(/^\d{1,19}$/, "a whole number")]);
const name = z.string().min(1).max(200);
const scalar = z.union([z.string(), z.number(), z.boolean(), z.null()]);

const server = z.object({
  instance: z.string().max(200),
  epoch: version.nullish(),
  pid: count.nullish(),
  startedAt: z.union([z.string().max(100), z.number()]).nullish(),
  database: z.string().max(200).nullish(),
  skewMs: z.number().nullish(),
  /** Moments of memory and rows may differ by so much. */
  timeToleranceMs: z.number().min(0).max(60_000).default(1),
});

const container = z.object({
  name,
  persistence: z.enum(["durable", "write-behind", "ephemeral"]),
  table: name.nullish(),
  size: count,
  pending: count.default(0),
  /** How long the oldest change has waited to be written. */
  oldestPendingMs: z.number().nonnegative().nullish(),
  highestVersion: version.nullish(),
  flushedVersion: version.nullish(),
  digest: z.string().max(200).nullish(),
  /** Every row of `rows` (all of the table without it) is in memory. */
  complete: z.boolean().default(false),
  rows: z.record(z.string(), z.union([scalar, z.array(scalar).min(1).max(100)])).nullish(),
  /** Columns that name a row; the table's primary key unless told. */
  key: z.array(name).min(1).max(32).optional(),
  /** Null: there is none, whatever the table's columns are called. */
  versionColumn: name.nullable().optional(),
  epochColumn: name.nullable().optional(),
});

const entry = z.object({
  key: z.string().max(10_000),
  /** Null (or 0) for what came from the database and was not changed since. */
  version: version.nullish(),
  pending: z.boolean().default(false),
  row: z.record(z.string(), z.unknown()).nullish(),
});

const stateAnswer = z.object({ server, containers: z.array(container).max(1000) });
const pageAnswer = z.object({ entries: z.array(entry), next: z.string().max(10_000).nullish() });

export type ServerAnswer = z.infer<typeof server>;
export type ContainerAnswer = z.infer<typeof container>;
export type EntryAnswer = z.infer<typeof entry>;
export type StateAnswer = z.infer<typeof stateAnswer>;
export type PageAnswer = z.infer<typeof pageAnswer>;

/** Who the server is, and what containers it has. Throws E_CONTROL. */
export async function readState(control: ControlEndpoint): Promise<StateAnswer> {
  const answer = checked(stateAnswer, await control.get("/state"), control, "/state");
  const names = answer.containers.map((one) => one.name);
  const twice = names.find((one, index) => names.indexOf(one) !== index);
  if (twice !== undefined) throw controlError(control.address, "/state", `it names ${JSON.stringify(twice)} twice`);
  return answer;
}

/** At most `limit` entries behind a key. Throws E_CONTROL. */
export async function readPage(
  control: ControlEndpoint,
  container: string,
  { after, limit }: { readonly after: string | undefined; readonly limit: number },
): Promise<PageAnswer> {
  const query = new URLSearchParams({ ...(after === undefined ? {} : { after }), limit: String(limit) });
  const path = `/state/${encodeURIComponent(container)}?${query}`;
  return checked(pageAnswer, await control.get(path), control, path);
}

function checked<T>(schema: z.ZodType<T>, answer: unknown, { address }: ControlEndpoint, path: string): T {
  const parsed = schema.safeParse(answer);
  if (parsed.success) return parsed.data;
  const [issue] = parsed.error.issues;
  const field = issue?.path.map(String).join(".") || "the answer";
  throw controlError(address, path, `its answer is not as docs/audit-live.md has it: ${field}: ${issue?.message}`);
}
