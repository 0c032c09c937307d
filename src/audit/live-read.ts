import { type ControlEndpoint, controlError } from "./live-client.js";
import { type ContainerAnswer, type EntryAnswer, readPage } from "./live-protocol.js";

/** Entries of one answer. */
const pageEntries = 1000;

/** One answer, and the key behind which it begins: asking for that again gives the same part of memory. */
export interface MemoryPage {
  readonly after: string | undefined;
  readonly entries: readonly EntryAnswer[];
}

/**
 * All of a container, page by page in the order of its keys. A container that goes on for ever is cut off: one may grow
 * while it is read, but not to many times what it was. Throws E_CONTROL.
 */
export async function* readMemory(control: ControlEndpoint, container: ContainerAnswer): AsyncGenerator<MemoryPage> {
  const most = 2 * container.size + 100 * pageEntries;
  const fail = (why: string) => controlError(control.address, `/state/${encodeURIComponent(container.name)}`, why);
  let after: string | undefined;
  let read = 0;
  for (;;) {
    const { entries, next } = await readPage(control, container.name, { after, limit: pageEntries });
    read += entries.length;
    if (read > most) throw fail(`it has more than ${most.toLocaleString("en-US")} entries, and said ${container.size}`);
    const disordered = findDisorder(after, entries);
    if (disordered !== undefined) throw fail(`its keys do not rise: ${JSON.stringify(disordered).slice(0, 100)}`);
    yield { after, entries };
    if (next === undefined || next === null) return;
    if (entries.length === 0 || (after !== undefined && next <= after)) throw fail("its pages do not go on");
    after = next;
  }
}

/** The first key that does not come after the one before it, by UTF-16 code units as JavaScript compares text. */
function findDisorder(after: string | undefined, entries: readonly EntryAnswer[]): string | undefined {
  let last = after;
  for (const { key } of entries) {
    if (last !== undefined && key <= last) return key;
    last = key;
  }
  return undefined;
}

/** The entries of these keys as memory has them now; a key that is gone from it is left out. Throws E_CONTROL. */
export async function readAgain(
  control: ControlEndpoint,
  container: string,
  keys: ReadonlyMap<string, string | undefined>,
): Promise<ReadonlyMap<string, EntryAnswer>> {
  const found = new Map<string, EntryAnswer>();
  const wanted = new Map<string | undefined, string[]>();
  for (const [key, after] of keys) wanted.set(after, [...(wanted.get(after) ?? []), key]);
  for (const [start, group] of wanted) {
    for await (const entry of readUpTo(control, container, { start, last: largest(group) })) {
      if (keys.has(entry.key)) found.set(entry.key, entry);
    }
  }
  return found;
}

/** Entries behind a key up to another: as memory grows meanwhile, one page may become several. */
async function* readUpTo(
  control: ControlEndpoint,
  container: string,
  { start, last }: { readonly start: string | undefined; readonly last: string },
): AsyncGenerator<EntryAnswer> {
  let after = start;
  for (let page = 0; page < mostPages; page += 1) {
    const { entries, next } = await readPage(control, container, { after, limit: pageEntries });
    yield* entries;
    const isDone = next === undefined || next === null || next >= last;
    if (isDone || (after !== undefined && next <= after)) return;
    after = next;
  }
}

/** What was one page a moment ago has not become more than this. */
const mostPages = 100;

function largest(keys: readonly string[]): string {
  return keys.reduce((most, key) => (key > most ? key : most));
}
