import Database from "better-sqlite3";
import { sqliteFence, type SqliteFenceGuard } from "../../src/fencing/sqlite/index.js";
import type { StoredWrite } from "./history.js";

/** How long a write waits for the file: a worker that is stopped in the middle of one keeps all others out. */
const WAIT_MS = 2_000;

/** The store behind the locks: a counter for each resource, and the book of all writes, in one SQLite file behind a fence. */
export class Store {
  readonly #db: Database.Database;
  readonly #guard: SqliteFenceGuard<Database.Database>;

  constructor(file: string) {
    this.#db = new Database(file);
    this.#db.pragma("journal_mode = WAL");
    this.#db.pragma("synchronous = OFF");
    this.#guard = sqliteFence(this.#db, { waitTimeoutMs: WAIT_MS });
  }

  async setup(): Promise<void> {
    await this.#guard.setup();
    this.#db.exec(
      `CREATE TABLE IF NOT EXISTS counters (resource TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;
       CREATE TABLE IF NOT EXISTS writes (place INTEGER PRIMARY KEY AUTOINCREMENT, "write" TEXT NOT NULL UNIQUE,
         resource TEXT NOT NULL, token INTEGER NOT NULL, base INTEGER NOT NULL);`,
    );
  }

  /**
   * The counter, read behind the fence: from now on no older token writes, so that what we read stays true while we hold. (A
   * plain read would leave a gap: the holder before us could still write until our own first write.)
   */
  read(resource: string, token: number): Promise<number> {
    return this.#guard.run(resource, token, (db) => {
      const row = db
        .prepare<[string], { value: number }>("SELECT value FROM counters WHERE resource = ?")
        .get(resource);
      return row?.value ?? 0;
    });
  }

  /** Puts the counter one past `base`, and the write into the book. */
  async write({ resource, token, base, write }: StoredWrite): Promise<void> {
    await this.#guard.run(resource, token, (db) => {
      db.prepare(
        "INSERT INTO counters (resource, value) VALUES (?, ?) ON CONFLICT DO UPDATE SET value = excluded.value",
      ).run(resource, base + 1);
      db.prepare('INSERT INTO writes ("write", resource, token, base) VALUES (?, ?, ?, ?)').run(
        write,
        resource,
        token,
        base,
      );
    });
  }

  /** The book, in the order of the commits. */
  book(): StoredWrite[] {
    return this.#db.prepare<[], StoredWrite>('SELECT "write", resource, token, base FROM writes ORDER BY place').all();
  }

  close(): void {
    this.#db.close();
  }
}
