import { errorsIn } from "../thrown.js";

/** What the guard uses of a connection: `pg`'s `PoolClient` has it. */
export interface PostgresClient {
  /** Runs one statement, or several without values. */
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
  /** Gives the connection back to its pool; with an error it is closed. */
  release(error?: Error | boolean): void;
  /** Tells the guard that the connection has broken. */
  on(event: "error", listener: (error: Error) => void): unknown;
  /** Takes the guard's listener away. */
  removeListener(event: "error", listener: (error: Error) => void): unknown;
  /** Gives "I" outside of a transaction. Where a driver does not have it, the server is asked. */
  getTransactionStatus?(): string | null;
}

/**
 * What `check` uses of a transaction: a `pg` client has it, and so has TypeORM's EntityManager. For others it is one
 * line, such as `{ query: (text) => trx.raw(text) }`.
 */
export interface PostgresTransaction {
  /** Runs one statement inside the transaction, and gives its answer. */
  query(text: string): Promise<unknown>;
}

/** The answer to a single statement, as `pg` gives it. */
export interface PostgresResult {
  /** The kind of the statement, such as "UPDATE" or "COMMIT". */
  readonly command: string;
  /** How many rows it gave or changed; null for a statement that has no rows. */
  readonly rowCount: number | null;
  /** The rows that it gave. */
  readonly rows: readonly unknown[];
}

/** What the guard uses of a pool: `pg`'s `Pool` has it. */
export interface PostgresPool<Client extends PostgresClient> {
  /** Gives a connection that nobody else uses. */
  connect(): Promise<Client>;
}

/** How many connections a pool can give at a time, as far as it says so. */
export function limitOf(pool: object): number {
  const max = (pool as { options?: { max?: unknown } }).options?.max;
  return typeof max === "number" ? max : Infinity;
}

/**
 * The client that a pool gives. Pools whose `connect` has a callback form too, as `pg`'s has, are matched form by form:
 * TypeScript would otherwise look at the last one only.
 */
export type ClientOf<Pool> = Pool extends {
  connect: { (): Promise<infer Client extends PostgresClient>; (callback: never): unknown };
}
  ? Client
  : Pool extends { connect(): Promise<infer Client extends PostgresClient> }
    ? Client
    : PostgresClient;

/** The SQLSTATE codes we know what to do about. */
export const SqlState = {
  failedTransaction: "25P02",
  noTransaction: "25P01",
  readOnlyTransaction: "25006",
  queryCanceled: "57014",
  invalidText: "22P02",
  serializationFailure: "40001",
  deadlock: "40P01",
  lockNotAvailable: "55P03",
  undefinedTable: "42P01",
  undefinedSchema: "3F000",
  undefinedColumn: "42703",
  undefinedFunction: "42883",
  noUniqueColumn: "42P10",
  wrongType: "42804",
  outOfRange: "22003",
  uniqueViolation: "23505",
  duplicateTable: "42P07",
  duplicateObject: "42710",
  /** Ours: raised by the trigger of `protect`. */
  staleToken: "ZK001",
  missingToken: "ZK002",
} as const;

export function hasState(error: unknown, ...states: string[]): boolean {
  return errorsIn(error).some((one) => states.includes(String((one as { code?: unknown }).code)));
}

/** The one row of an answer, as a record; undefined where there is none. */
export function firstRow(result: PostgresResult): Readonly<Record<string, unknown>> | undefined {
  return result.rows[0] as Readonly<Record<string, unknown>> | undefined;
}
