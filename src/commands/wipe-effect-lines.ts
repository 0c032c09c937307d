import type { Style } from "../report/style.js";
import { formatBytes, plural, printableStyled } from "../report/text.js";
import type { ReplicationSlot, Standby, TableEffects, WipeEffects } from "../wipe/effects.js";

/** What the deletion sets off; a line only where there is something to say. */
export function effectLines(effects: WipeEffects, kind: "tables" | "rows", style: Style): string[] {
  const { tables, slots, standbys } = effects;
  const lines = [
    ...triggerLines(tables),
    ...publicationLines(tables, kind, style),
    ...viewLines(tables),
    ...listLine("logical slots of this database", slots, slotText),
    ...listLine("standbys that follow", standbys, standbyText),
  ];
  return lines.map(printableStyled);
}

function triggerLines(tables: readonly TableEffects[]): string[] {
  const fired = tables.flatMap(({ table, triggers }) =>
    triggers.map((trigger) => `${trigger.name} on ${table} (calls ${trigger.function})`),
  );
  const silent = tables.filter(({ silentTriggers }) => silentTriggers > 0);
  const count = silent.reduce((sum, { silentTriggers }) => sum + silentTriggers, 0);
  return [
    ...(fired.length > 0 ? [`triggers that fire: ${listText(fired)}`] : []),
    ...(count > 0
      ? [
          `${plural(count, "DELETE trigger")} ${count === 1 ? "does" : "do"} not fire: on ${listText(silent.map(({ table }) => table))}`,
        ]
      : []),
  ];
}

function publicationLines(tables: readonly TableEffects[], kind: "tables" | "rows", style: Style): string[] {
  if (tables.some(({ publications }) => publications === null)) return ["publications: this role may not read them"];
  const all = tables.flatMap(({ table, publications }) => (publications ?? []).map((one) => ({ ...one, table })));
  const sends = new Map(all.map(({ publication, sendsDeletion }) => [publication, sendsDeletion]));
  return [...sends].map(([publication, sendsDeletion]) => {
    const names = listText(all.filter((one) => one.publication === publication).map(({ table }) => table));
    if (sendsDeletion) return `publication ${publication} sends it to its subscribers: ${names}`;
    const what = kind === "tables" ? "truncate" : "delete";
    return style.warning(`publication ${publication} does not send a ${what}, its subscribers keep the rows: ${names}`);
  });
}

function viewLines(tables: readonly TableEffects[]): string[] {
  const views = [...new Set(tables.flatMap(({ staleViews }) => staleViews))];
  return views.length > 0 ? [`materialized views that go stale: ${listText(views)}`] : [];
}

function listLine<Item>(title: string, items: readonly Item[] | null, textOf: (item: Item) => string): string[] {
  if (items === null) return [`${title}: this role may not read them`];
  return items.length > 0 ? [`${title}: ${listText(items.map(textOf))}`] : [];
}

function slotText({ name, plugin, isActive, walStatus, retainedBytes }: ReplicationSlot): string {
  const kept = retainedBytes === null ? [] : [`${formatBytes(Math.max(retainedBytes, 0))} of log kept`];
  const state = walStatus === "lost" ? "lost" : isActive ? "active" : "idle";
  return `${name} (${[plugin, state, ...kept].join(", ")})`;
}

function standbyText({ name, state, syncState, lagBytes }: Standby): string {
  const behind = lagBytes === null ? [] : [`${formatBytes(Math.max(lagBytes, 0))} behind`];
  const facts = [state, syncState, ...behind].filter((fact) => fact !== null);
  return facts.length > 0 ? `${name} (${facts.join(", ")})` : name;
}

/** Eight at most: `--json` has them all. */
function listText(names: readonly string[]): string {
  const shown = names.slice(0, 8).join(", ");
  return names.length > 8 ? `${shown} and ${names.length - 8} more` : shown;
}
