import type { TableShape } from "./catalogue.js";

/** The columns that the reference app relies on. */
export const referenceShapes: Readonly<Record<string, TableShape>> = {};
