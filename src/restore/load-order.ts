/** One foreign key between two tables; keys are opaque. */
export interface Reference {
  readonly constraint: string;
  readonly child: string;
  readonly parent: string;
}

export interface LoadOrder {
  readonly order: readonly string[];
  /** Foreign keys that close a circle: they have to be dropped while the tables are filled. */
  readonly suspended: ReadonlySet<string>;
}

/** Parents before children. A table's reference to itself is no obstacle: COPY checks it after its last row. */
export function loadOrder(tables: readonly string[], references: readonly Reference[]): LoadOrder {
  const waiting = new Set(tables);
  const suspended = new Set<string>();
  const order: string[] = [];
  const byChild = new Map<string, Reference[]>(tables.map((table) => [table, []]));
  for (const reference of references) byChild.get(reference.child)?.push(reference);
  const obstacles = (table: string) =>
    (byChild.get(table) ?? []).filter(
      ({ constraint, parent }) => parent !== table && waiting.has(parent) && !suspended.has(constraint),
    );
  while (waiting.size > 0) {
    const ready = [...waiting].filter((table) => obstacles(table).length === 0);
    for (const table of ready) {
      waiting.delete(table);
      order.push(table);
    }
    if (ready.length > 0) continue;
    for (const reference of obstacles(tableOnCircle(waiting, obstacles))) suspended.add(reference.constraint);
  }
  return { order, suspended };
}

/** Every waiting table has an obstacle, so following them must come back to a table already seen. */
function tableOnCircle(waiting: ReadonlySet<string>, obstacles: (table: string) => readonly Reference[]): string {
  const seen = new Set<string>();
  let [table = ""] = waiting;
  while (!seen.has(table)) {
    seen.add(table);
    table = obstacles(table)[0]?.parent ?? table;
  }
  return table;
}
