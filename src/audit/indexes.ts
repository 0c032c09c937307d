import { formatName, isSameName, quoteIdentifier, quoteName } from "../db/identifier.js";
import type { AuditIndex } from "./facts.js";
import type { Finding } from "./finding.js";

/** Indexes that do not work, and indexes that another one makes superfluous. */
export function indexFindings(indexes: readonly AuditIndex[]): readonly Finding[] {
  const valid = indexes.filter(({ isValid }) => isValid);
  return [
    ...indexes.filter(({ isValid }) => !isValid).map(invalidFinding),
    ...valid.flatMap((index) => {
      const better = valid.find((other) => isSuperfluous(index, other));
      return better ? [superfluousFinding(index, better)] : [];
    }),
  ];
}

function invalidFinding(index: AuditIndex): Finding {
  const name = formatName(index);
  const shared = { subject: name, severity: index.isBeingBuilt ? "info" : "error" } as const;
  if (index.isBeingBuilt) {
    return {
      ...shared,
      id: "index-being-built",
      title: `index ${name} of ${formatName(index.table)} is being built right now`,
      why: "it answers no query until it is ready",
      hint: "SELECT * FROM pg_stat_progress_create_index;",
    };
  }
  return {
    ...shared,
    id: "index-invalid",
    title: `index ${name} of ${formatName(index.table)} is invalid`,
    why: `a build was interrupted: every write pays for it, no query uses it${index.isUnique ? ", and it does not keep values unique" : ""}; IF NOT EXISTS takes it for done`,
    hint: repairHint(index),
  };
}

/** What REINDEX CONCURRENTLY itself left behind is `_ccnew` or `_ccold`: the index proper is beside it. */
function repairHint(index: AuditIndex): string {
  const name = quoteName(index);
  if (index.isPartitioned) {
    return `create the index on each partition, then: ALTER INDEX ${name} ATTACH PARTITION …;`;
  }
  return /_cc(new|old)\d*$/.test(index.name)
    ? `DROP INDEX CONCURRENTLY ${name};`
    : `REINDEX INDEX CONCURRENTLY ${name};`;
}

/**
 * True when dropping `index` loses nothing that `other` does not give: the same keys, or (b-tree) the beginning of its
 * keys. An index that keeps values unique is only superfluous beside an equal one that does as well.
 */
function isSuperfluous(index: AuditIndex, other: AuditIndex): boolean {
  if (index === other || !isSameName(index.table, other.table)) return false;
  if (index.method !== other.method || index.predicate !== other.predicate) return false;
  if (index.isReplicaIdentity || index.constraint !== null) return false;
  if (index.included.some((column) => !other.included.includes(column))) return false;
  if (index.isUnique && !other.isUnique) return false;
  if (isEqualKey(index, other)) return isWorse(index, other);
  return index.method === "btree" && !index.isUnique && beginsWith(other.keys, index.keys);
}

function isEqualKey(index: AuditIndex, other: AuditIndex): boolean {
  return index.keys.length === other.keys.length && beginsWith(other.keys, index.keys);
}

/** Of two equal indexes exactly one is superfluous: the one that does less, else the one that comes later by name. */
function isWorse(index: AuditIndex, other: AuditIndex): boolean {
  const worthOf = ({ constraint, isUnique, isReplicaIdentity, included }: AuditIndex) =>
    (constraint !== null || isReplicaIdentity ? 1000 : 0) + (isUnique ? 500 : 0) + included.length;
  const difference = worthOf(other) - worthOf(index);
  return difference === 0 ? index.name > other.name : difference > 0;
}

function beginsWith(keys: readonly string[], beginning: readonly string[]): boolean {
  return beginning.every((key, position) => keys[position] === key);
}

function superfluousFinding(index: AuditIndex, other: AuditIndex): Finding {
  const isDuplicate = isEqualKey(index, other);
  const name = formatName(index);
  const concurrently = index.isPartitioned ? "" : "CONCURRENTLY ";
  return {
    id: isDuplicate ? "index-duplicate" : "index-redundant",
    severity: "warning",
    subject: name,
    title: `index ${name} of ${formatName(index.table)} ${isDuplicate ? "equals" : "repeats the beginning of"} ${formatName(other)}`,
    why: "each write pays for both, and queries need only one",
    hint: `DROP INDEX ${concurrently}${quoteIdentifier(index.schema)}.${quoteIdentifier(index.name)};`,
  };
}
