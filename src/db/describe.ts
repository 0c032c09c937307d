import type { EventEmitter } from "node:events";
import type { Connection } from "./pool.js";

/** What the server says of a statement that it parsed and did not run. */
export interface StatementDescription {
  /** Object identifiers of the types of $1, $2 …, in order. */
  readonly parameterTypeOids: readonly number[];
  /** Empty for a statement that returns no rows. */
  readonly columns: readonly DescribedColumn[];
}

interface DescribedColumn {
  readonly name: string;
  readonly typeOid: number;
}

/**
 * Prepares one statement and describes it, as a driver does before its first run: nothing is executed. The protocol takes
 * one statement only, so what hides a second one is refused. Throws PostgreSQL's own error.
 */
export function describeStatement(connection: Connection, sql: string): Promise<StatementDescription> {
  return new Promise((resolve, reject) => {
    connection.client.query(createDescription(sql, resolve, reject));
  });
}

interface ParameterDescription {
  readonly dataTypeIDs: readonly number[];
}

interface RowDescription {
  readonly fields: readonly { readonly name: string; readonly dataTypeID: number }[];
}

/** The part of the driver's connection that its type declarations have wrong or leave out. */
interface Wire extends EventEmitter {
  parse(statement: { readonly name: string; readonly text: string; readonly types: readonly number[] }): void;
  describe(statement: { readonly type: "S"; readonly name: string }): void;
  sync(): void;
}

/** What the driver takes in place of a query: it calls `submit`, then `handle…` for each answer of the server. */
function createDescription(
  sql: string,
  resolve: (description: StatementDescription) => void,
  reject: (error: Error) => void,
) {
  let parameterTypeOids: readonly number[] = [];
  let columns: readonly DescribedColumn[] = [];
  let failure: Error | undefined;
  const onParameters = ({ dataTypeIDs }: ParameterDescription) => {
    parameterTypeOids = dataTypeIDs;
  };
  const finish = (wire: Wire) => {
    wire.off("parameterDescription", onParameters);
    if (failure) reject(failure);
    else resolve({ parameterTypeOids, columns });
  };
  return {
    submit(wire: unknown) {
      if (!isWire(wire)) return new Error("the driver has no way to describe a statement");
      wire.on("parameterDescription", onParameters);
      wire.parse({ name: "", text: sql, types: [] });
      wire.describe({ type: "S", name: "" });
      wire.sync();
      return undefined;
    },
    handleRowDescription({ fields }: RowDescription) {
      columns = fields.map(({ name, dataTypeID }) => ({ name, typeOid: dataTypeID }));
    },
    handleError(error: Error, wire: unknown) {
      failure = error;
      // The driver forgets who asked as soon as there is an error, so "ready for the next one" is not told here.
      if (isWire(wire)) finish(wire);
      else reject(error);
    },
    handleReadyForQuery(wire: unknown) {
      if (isWire(wire)) finish(wire);
    },
  };
}

function isWire(value: unknown): value is Wire {
  return typeof value === "object" && value !== null && "parse" in value && "describe" in value && "sync" in value;
}
