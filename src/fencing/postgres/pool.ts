import { isError } from "../thrown.js";

/** What the guard uses of a connection: `pg`'s `PoolClient` has it. */
export interface PostgresClient {
  query(text: string, values?: unknown[]): Promise<PostgresResult>;
  release(error?: Error | boolean): void;
  on(event: "error", listener: (error: Error) => void): unknown;
  removeListener(event: "error", listener: (error: Error) => void): unknown;
}

/** `rows` and `rowCount` for a single statement, as `pg` gives them. */
export interface PostgresResult {
  readonly command: string;
  readonly rowCount: number | null;
  readonly rows: readonly unknown[];
}

/** What the guard uses of a pool: `pg`'s `Pool` has it. */
export interface PostgresPool<Client extends PostgresClient> {
  connect(): Promise<Client>;
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
  serializationFailure: "40001",
  deadlock: "40P01",
  lockNotAvailable: "55P03",
  undefinedTable: "42P01",
  undefinedSchema: "3F000",
  uniqueViolation: "23505",
  duplicateTable: "42P07",
  duplicateObject: "42710",
  /** Ours: raised by the trigger of `protect`. */
  staleToken: "ZK001",
  missingToken: "ZK002",
} as const;

export function hasState(error: unknown, ...states: string[]): boolean {
  return isError(error) && states.includes(String((error as { code?: unknown }).code));
}

/** The one row of an answer, as a record; undefined where there is none. */
export function firstRow(result: PostgresResult): Readonly<Record<string, unknown>> | undefined {
  return result.rows[0] as Readonly<Record<string, unknown>> | undefined;
}
