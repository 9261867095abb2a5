import Database from "better-sqlite3";
import { type FencingToken, StaleTokenError } from "../../src/index.js";
import { OPENING_CENTS } from "./transfers.js";

const SCHEMA = `
  CREATE TABLE accounts (name TEXT PRIMARY KEY, cents INTEGER NOT NULL) STRICT;
  CREATE TABLE entries (
    number INTEGER PRIMARY KEY, transfer INTEGER NOT NULL, account TEXT NOT NULL,
    cents INTEGER NOT NULL, worker TEXT NOT NULL, token INTEGER NOT NULL
  ) STRICT;
  CREATE INDEX entries_by_transfer ON entries (transfer);
  CREATE TABLE queue (taken INTEGER NOT NULL) STRICT;
  INSERT INTO queue VALUES (0);

  -- The fence: for each account the highest token that has ever written to it.
  CREATE TABLE fences (resource TEXT PRIMARY KEY, token INTEGER NOT NULL) STRICT;
`;

/** Raises the fence to our token. Where it is higher already, it changes no row: then somebody came after us. */
const RAISE_FENCE = `
  INSERT INTO fences (resource, token) VALUES (@account, @token)
  ON CONFLICT (resource) DO UPDATE SET token = excluded.token
  WHERE excluded.token >= fences.token
`;

/** One side of a transfer, as a worker means to write it. */
export interface Entry {
  readonly account: string;
  /** What is added to the account; negative for the payer. */
  readonly cents: number;
  /** What the account has afterwards, by what the worker has read. */
  readonly balance: number;
  /** Of the worker's hold of this account. */
  readonly token: FencingToken;
}

/** An account whose balance is not the sum of its entries. */
export interface Discrepancy {
  readonly account: string;
  readonly cents: number;
  readonly booked: number;
}

/** The accounts, in an SQLite file that all workers write to. */
export class Ledger {
  readonly #db: Database.Database;
  readonly #fenced: boolean;

  /** @param fenced whether writes check their tokens; the point of the demo is what happens when they do not */
  constructor(file: string, { fenced }: { fenced: boolean }) {
    this.#db = new Database(file, { timeout: 10_000 });
    this.#db.pragma("journal_mode = WAL");
    this.#db.pragma("synchronous = NORMAL");
    this.#fenced = fenced;
  }

  open(accounts: readonly string[]): void {
    this.#db.exec(SCHEMA);
    const insert = this.#db.prepare("INSERT INTO accounts (name, cents) VALUES (?, ?)");
    for (const account of accounts) insert.run(account, OPENING_CENTS);
  }

  /** Writes both entries of a transfer, or neither. @throws StaleTokenError when a later holder has written already */
  write(transfer: number, worker: string, entries: readonly Entry[]): void {
    const raiseFence = this.#db.prepare(RAISE_FENCE);
    const setBalance = this.#db.prepare("UPDATE accounts SET cents = @balance WHERE name = @account");
    const addEntry = this.#db.prepare(`
      INSERT INTO entries (transfer, account, cents, worker, token) VALUES (@transfer, @account, @cents, @worker, @token)
    `);
    const transaction = this.#db.transaction(() => {
      for (const entry of entries) {
        if (this.#fenced && raiseFence.run(entry).changes === 0) throw this.#stale(entry);
        setBalance.run(entry);
        addEntry.run({ ...entry, transfer, worker });
      }
    });
    transaction.immediate();
  }

  balance(account: string): number {
    return this.#number("SELECT cents FROM accounts WHERE name = ?", account);
  }

  /** Takes the next transfer out of the queue: its index, from 0 on. */
  takeNext(): number {
    return this.#number("UPDATE queue SET taken = taken + 1 RETURNING taken - 1");
  }

  isWritten(transfer: number): boolean {
    return this.#number("SELECT EXISTS (SELECT 1 FROM entries WHERE transfer = ?)", transfer) === 1;
  }

  /** How many transfers are written. */
  progress(): number {
    return this.#number("SELECT count(DISTINCT transfer) FROM entries");
  }

  /** Who wrote to the account last, with which token. */
  lastWriter(account: string): { worker: string; token: number } | undefined {
    const sql = "SELECT worker, token FROM entries WHERE account = ? ORDER BY number DESC LIMIT 1";
    return this.#db.prepare<[string], { worker: string; token: number }>(sql).get(account);
  }

  total(): number {
    return this.#number("SELECT sum(cents) FROM accounts");
  }

  /** The accounts whose balance is not what their entries add up to. */
  discrepancies(): Discrepancy[] {
    const sql = `
      SELECT name AS account, accounts.cents, ? + coalesce(sum(entries.cents), 0) AS booked
      FROM accounts LEFT JOIN entries ON account = name
      GROUP BY name HAVING accounts.cents <> booked
    `;
    return this.#db.prepare<[number], Discrepancy>(sql).all(OPENING_CENTS);
  }

  /** How many entries carry a token that is not higher than that of the entry before, on the same account. */
  entriesOutOfOrder(): number {
    return this.#number(`
      SELECT count(*) FROM (
        SELECT token - lag(token) OVER (PARTITION BY account ORDER BY number) AS step FROM entries
      ) WHERE step <= 0
    `);
  }

  close(): void {
    this.#db.close();
  }

  #number(sql: string, ...values: unknown[]): number {
    return this.#db
      .prepare<unknown[], number>(sql)
      .pluck()
      .get(...values) as number;
  }

  #stale({ account, token }: Entry): StaleTokenError {
    const highest = this.#number("SELECT token FROM fences WHERE resource = ?", account);
    return new StaleTokenError(`"${account}" has seen token ${highest}, which is later than ${token}.`, {
      resource: account,
      token,
      highest,
    });
  }
}
