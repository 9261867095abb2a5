import { ZkLockManager } from "../../src/index.js";
import { emit, serve } from "../helpers/worker-side.js";
import { nowMs } from "./clock.js";
import { HistoryFile, type WorkerNote } from "./history.js";
import { described, runLane, type Shift } from "./lane.js";
import { Random } from "./random.js";
import { newClient } from "./client.js";
import { Store } from "./store.js";

export interface WorkerOrders {
  readonly name: string;
  readonly servers: string;
  readonly rootDir: string;
  readonly sessionTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly storeFile: string;
  readonly seed: number;
  readonly lanes: number;
  /** Whose client it is: the manager's own, or one that was handed to it. */
  readonly client: "own" | "adopted";
}

/** How often it is looked whether the session of an adopted client is over, and the next client is due. */
const NEXT_CLIENT_EVERY_MS = 100;

/** A process that locks and writes until it is told to stop, killed, stopped or cut off. */
let manager: ZkLockManager;
let store: Store;
let orders: WorkerOrders;
let history: HistoryFile<WorkerNote> | undefined;
let shift: (Shift & { lanes: Promise<unknown> }) | undefined;
let isOver = false;
let lastId = 0;

export const api = {
  connect: async (given: WorkerOrders) => {
    orders = given;
    store = new Store(given.storeFile);
    const options = { rootDir: given.rootDir, identity: { worker: given.name, pid: process.pid } };
    manager =
      given.client === "own"
        ? await ZkLockManager.connect(given.servers, {
            ...options,
            sessionTimeout: given.sessionTimeoutMs,
            connectTimeout: given.connectTimeoutMs,
          })
        : adopting(new ZkLockManager(options), given);
    const note = (entry: WorkerNote): void => history?.note(nowMs(), entry);
    for (const state of ["connected", "suspended", "lost"] as const) {
      manager.on(state, () => note({ is: "session", state, session: manager.session.id }));
    }
    manager.on("error", (error) => note({ is: "error", ...described(error) }));
  },

  /** Begins to work, and writes its history into `directory`. */
  work: (directory: string) => {
    history?.close();
    history = new HistoryFile(directory, orders.name);
    isOver = false;
    const begun: Shift = {
      manager,
      store,
      history,
      worker: orders.name,
      nextId: () => (lastId += 1),
      isOver: () => isOver,
      grants: 0,
    };
    const random = new Random(orders.seed + lastId);
    const lanes = Array.from({ length: orders.lanes }, (_, lane) =>
      runLane(begun, new Random(random.between(0, 2 ** 31)), lane === 0),
    );
    shift = Object.assign(begun, { lanes: Promise.all(lanes) });
    // A lane never fails; if one does, that is a death the checker has to hear of.
    shift.lanes.catch((error: unknown) => {
      emit("broken", described(error));
      process.exit(70);
    });
  },

  /** How many holds it has been granted in this shift. */
  grants: () => shift?.grants ?? 0,

  /** The session, what is held, and all queues as this worker's server shows them. */
  view: async () => ({
    session: manager.session,
    holds: manager.holds(),
    resources: await Promise.all((await manager.list()).map((resource) => manager.inspect(resource))),
  }),

  /** Ends what was begun and begins nothing new; resolves when all is done, which without a fault is soon. */
  drain: async () => {
    isOver = true;
    await shift?.lanes;
  },

  /** Blocks the event loop. */
  block: (ms: number) => {
    for (const end = nowMs() + ms; nowMs() < end;);
  },

  /** Closes the manager in the middle of everything; resolves when every promise has settled. */
  leave: async () => {
    isOver = true;
    await manager.close();
    await shift?.lanes;
    store.close();
  },
};

/** A manager that is given one client after the other, as their sessions end. */
function adopting(adopter: ZkLockManager, { servers, sessionTimeoutMs }: WorkerOrders): ZkLockManager {
  const adoptNext = (): void => {
    try {
      adopter.init(newClient(servers, sessionTimeoutMs));
    } catch {
      // The lease is over, but the session may come back; or the manager has been closed.
    }
  };
  adoptNext();
  setInterval(() => adopter.session.state === "lost" && adoptNext(), NEXT_CLIENT_EVERY_MS).unref();
  return adopter;
}

serve(api);
