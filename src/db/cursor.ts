import type { Connection } from "./pool.js";

export interface CursorOptions {
  /** Rows of one page. */
  readonly pageRows: number;
}

/** One row as the server sent it: text by column, in the order of the SELECT. */
export type TextRow = readonly (string | null)[];

/**
 * Reads a SELECT page by page inside the transaction of this session: memory stays small, and the event loop is free
 * between two pages. Values come as text, which whoever reads them turns into what it needs; a SELECT of many rows costs
 * half as much that way. Parameters must be in the text as literals: DECLARE takes none.
 */
export async function* readPages(
  connection: Connection,
  select: string,
  { pageRows }: CursorOptions,
): AsyncGenerator<readonly TextRow[]> {
  await connection.execute(`DECLARE roomctl_pages NO SCROLL CURSOR FOR ${select}`);
  let coming = fetchPage(connection, pageRows);
  for (;;) {
    const page = await coming;
    // The server prepares the next page while this one is worked on.
    if (page.length === pageRows) coming = fetchPage(connection, pageRows);
    if (page.length > 0) yield page;
    if (page.length < pageRows) break;
  }
  await connection.execute("CLOSE roomctl_pages");
}

function fetchPage({ client }: Connection, pageRows: number): Promise<readonly TextRow[]> {
  const page = client
    .query<(string | null)[]>({
      text: `FETCH ${pageRows} FROM roomctl_pages`,
      rowMode: "array",
      types: { getTypeParser: () => (text: string) => text },
    })
    .then(({ rows }) => rows);
  // Whoever stops reading early does not look at it, and the end of the transaction tells what is wrong.
  page.catch(() => {});
  return page;
}
