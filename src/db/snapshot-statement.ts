import { loadStatement } from "./statement.js";

/** The files whose branches make a snapshot: each a SELECT of key, definition, belongs and facts. */
const branchFiles = ["relations", "programs", "types", "search", "outside", "rights"];

export interface SnapshotServer {
  /** As in `server_version_num`. */
  readonly version: number;
  /** System catalogs that this server has and this role may read. */
  readonly readable: readonly string[];
  /** Those of `rareCatalogs` that hold something of this database. */
  readonly used: readonly string[];
}

export interface SnapshotStatement {
  readonly sql: string;
  /** Catalogs that branches were left out for. */
  readonly leftOut: readonly string[];
}

/** The system catalogs that a snapshot looks into. */
export function snapshotCatalogs(): readonly string[] {
  const texts = ["db/snapshot", "db/snapshot-objects", ...branchFiles.map((name) => `db/snapshot-${name}`)];
  return [...new Set(texts.flatMap((name) => catalogsIn(loadStatement(name))))];
}

/**
 * Catalogs of kinds that most databases have none of: a branch that reads an empty one would only cost planning, which is
 * most of the time of a snapshot. Not listed may be what a branch reads beside other things.
 */
const rareCatalogs = [
  "pg_cast",
  "pg_collation",
  "pg_conversion",
  "pg_default_acl",
  "pg_event_trigger",
  "pg_foreign_data_wrapper",
  "pg_language",
  "pg_opclass",
  "pg_operator",
  "pg_opfamily",
  "pg_policy",
  "pg_publication",
  "pg_statistic_ext",
  "pg_subscription",
  "pg_transform",
  "pg_ts_config",
  "pg_ts_dict",
  "pg_ts_parser",
  "pg_ts_template",
];

/** What counts as use beside an object of the app's own. */
const usedWhen: Readonly<Record<string, string>> = { pg_language: "oid >= 16384 OR lanacl IS NOT NULL" };

/** Asks which of the rare catalogs are used. Objects that initdb made have numbers below 16384, all others above. */
export function rareCatalogsStatement(readable: readonly string[]): string {
  const probes = rareCatalogs
    .filter((catalog) => readable.includes(catalog))
    .map(
      (catalog) =>
        `CASE WHEN EXISTS (SELECT FROM ${catalog} WHERE ${usedWhen[catalog] ?? "oid >= 16384"}) THEN '${catalog}' END`,
    );
  return `SELECT array_remove(ARRAY[${probes.join(", ")}]::text[], NULL) AS used`;
}

/**
 * One statement for everything a server has and lets us read. A branch is left out as a whole when it needs a catalog that
 * is not readable, as after REVOKE SELECT ON pg_catalog.…, or that an older server does not have.
 */
export function snapshotStatement({ version, readable, used }: SnapshotServer): SnapshotStatement {
  const major = Math.floor(version / 10_000);
  const known = new Set(readable);
  const unused = new Set(rareCatalogs.filter((catalog) => known.has(catalog) && !used.includes(catalog)));
  const leftOut = new Set<string>();
  const branches = (name: string) =>
    branchesOf(linesForVersion(loadStatement(name), major)).filter((branch) => {
      const catalogs = catalogsIn(branch);
      const missing = catalogs.filter((catalog) => !known.has(catalog));
      for (const catalog of missing) leftOut.add(catalog);
      return missing.length === 0 && !catalogs.some((catalog) => unused.has(catalog));
    });
  const objects = branches("db/snapshot-objects").join("\nUNION ALL\n");
  const facts = branchFiles.flatMap((name) => branches(`db/snapshot-${name}`)).join("\nUNION ALL\n");
  const words = linesForVersion(loadStatement("db/snapshot"), major).trimEnd();
  const sql = `${words}, app_object (classid, objid, label, belongs, owner, letter, acl) AS (\n${objects}\n)\n${facts}`;
  return { sql, leftOut: [...leftOut].sort() };
}

/** A statement that lists every object that a snapshot may tell of, with its key there, those of extensions left out. */
export function snapshotObjectsStatement(version: number): string {
  const major = Math.floor(version / 10_000);
  const [words, objects] = ["db/snapshot", "db/snapshot-objects"].map((name) =>
    linesForVersion(loadStatement(name), major).trimEnd(),
  );
  return `${words}, app_object (classid, objid, label, belongs, owner, letter, acl) AS (\n${objects}\n)
SELECT relname::text AS catalog, objid AS object, label FROM app_object JOIN pg_class ON pg_class.oid = classid
 WHERE (classid, objid) NOT IN (SELECT classid, objid FROM extension_member)`;
}

/** Lines marked `--@15` are for PostgreSQL 15 and later, `--@<15` for those before. */
export function linesForVersion(sql: string, major: number): string {
  return sql
    .split("\n")
    .filter((line) => {
      const mark = /--@(<?)(\d+)$/.exec(line);
      return mark === null || (mark[1] === "<" ? major < Number(mark[2]) : major >= Number(mark[2]));
    })
    .join("\n");
}

function branchesOf(sql: string): readonly string[] {
  return sql.split(/^UNION ALL$/m);
}

/** Functions, as in `pg_get_expr(`, and what `::regclass` only names are no catalogs that are read. */
function catalogsIn(sql: string): readonly string[] {
  return [...sql.matchAll(/\b(?:FROM|JOIN)\s+(pg_[a-z_]+)\b(?!\()/g)].flatMap(([, name]) => name ?? []);
}
