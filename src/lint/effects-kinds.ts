import type { EffectKind } from "./effects.js";

/** Relations by the name that the tree has for their kind. */
export const relationKinds: Readonly<Record<string, EffectKind>> = {
  OBJECT_TABLE: "table",
  OBJECT_VIEW: "view",
  OBJECT_MATVIEW: "materialized view",
  OBJECT_INDEX: "index",
  OBJECT_SEQUENCE: "sequence",
  OBJECT_FOREIGN_TABLE: "foreign table",
};

export const routineKinds: Readonly<Record<string, EffectKind>> = {
  OBJECT_FUNCTION: "function",
  OBJECT_ROUTINE: "function",
  OBJECT_PROCEDURE: "procedure",
  OBJECT_AGGREGATE: "aggregate",
};

/** What has a name within a table. */
export const memberKinds: Readonly<Record<string, EffectKind>> = {
  OBJECT_TRIGGER: "trigger",
  OBJECT_POLICY: "policy",
  OBJECT_RULE: "rule",
};

/** What is in no schema. */
export const globalKinds: Readonly<Record<string, EffectKind>> = {
  OBJECT_SCHEMA: "schema",
  OBJECT_EXTENSION: "extension",
  OBJECT_PUBLICATION: "publication",
};
