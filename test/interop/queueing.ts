import { afterAll, beforeAll, expect, test } from "@jest/globals";
import type { ZkLock, ZkLockManager } from "../../src/index.js";
import { queueOf } from "../../src/zookeeper/nodes/ticket-names.js";
import { lockOf } from "../helpers/lock-of.js";
import { SERVER, useSetting } from "../helpers/setting.js";
import { until } from "../helpers/until.js";
import type { LockKind, Peer, PeerHold } from "./peer.js";

/** Our lock of a kind, as one that is asked for and given back like the peer's. */
function ours(
  manager: ZkLockManager,
  kind: LockKind | "permit",
  resource: string,
): PeerHold & { readonly lock: ZkLock } {
  const lock = lockOf(manager, kind, resource);
  let isHeld = false;
  const granted = lock.acquire({ timeout: 10_000 }).then(() => {
    isHeld = true;
  });
  return {
    lock,
    granted,
    get isHeld() {
      return isHeld;
    },
    release: async () => {
      await lock.release();
    },
  };
}

/**
 * What another library's locks and ours do in one queue. To be called within a `describe`.
 *
 * `sharesReaders`: its read/write locks queue with ours too.
 */
export function queueingTogether(start: (server: string) => Promise<Peer>, { sharesReaders = false } = {}): void {
  let peer: Peer;
  beforeAll(async () => {
    peer = await start(SERVER);
  }, 60_000);
  afterAll(() => peer.kill());
  // Below the peer, which is no leak of a test's.
  const setting = useSetting();

  /** Asks, and resolves when the ticket stands in the queue. */
  async function asking(resource: string, ask: () => PeerHold): Promise<PeerHold> {
    const before = (await setting.tickets(resource)).length;
    const hold = ask();
    await setting.queueOf(resource, before + 1);
    return hold;
  }

  function theirs(kind: LockKind, resource: string): PeerHold {
    return peer.acquire(kind, setting.directory(resource));
  }

  /** A look that the server answers after all that happened before: whoever was to be woken by then would have been. */
  const settle = async (resource: string): Promise<void> => {
    const elsewhere = peer.acquire("mutex", `${setting.directory(resource)}-elsewhere`);
    await elsewhere.granted;
    await elsewhere.release();
    await (await setting.manager()).createLock(`${resource}-elsewhere-too`).using(() => undefined);
  };

  test("they hold, we wait; they leave, we hold", async () => {
    const resource = setting.resource();
    const manager = await setting.manager();
    const their = theirs("mutex", resource);
    await their.granted;
    expect(await manager.createLock(resource).tryAcquire()).toBeNull();
    const our = await asking(resource, () => ours(manager, "mutex", resource));
    await settle(resource);
    expect(our.isHeld).toBe(false);
    await their.release();
    await our.granted;
    await our.release();
  });

  test("we hold, they wait; we leave, they hold", async () => {
    const resource = setting.resource();
    const our = ours(await setting.manager(), "mutex", resource);
    await our.granted;
    const their = await asking(resource, () => theirs("mutex", resource));
    await settle(resource);
    expect(their.isHeld).toBe(false);
    await our.release();
    await their.granted;
    await their.release();
  });

  test("while they hold, none of our permits, readers and writers gets in", async () => {
    const resource = setting.resource();
    const manager = await setting.manager();
    const their = theirs("mutex", resource);
    await their.granted;
    for (const kind of ["permit", "read", "write"] as const) {
      expect(await lockOf(manager, kind, resource).tryAcquire()).toBeNull();
    }
    const our = await asking(resource, () => ours(manager, "permit", resource));
    await settle(resource);
    expect(our.isHeld).toBe(false);
    await their.release();
    await our.granted;
    await our.release();
  });

  test("while any of our permits is held, they wait, in their place", async () => {
    const resource = setting.resource();
    const [manager, other] = [await setting.manager(), await setting.manager()];
    const permits = [ours(manager, "permit", resource), ours(other, "permit", resource)];
    await Promise.all(permits.map(({ granted }) => granted));
    const their = await asking(resource, () => theirs("mutex", resource));
    const late = await asking(resource, () => ours(other, "permit", resource));
    await permits[0]!.release();
    await settle(resource);
    expect([their.isHeld, late.isHeld]).toEqual([false, false]);
    await permits[1]!.release();
    await their.granted;
    await settle(resource);
    expect(late.isHeld).toBe(false);
    await their.release();
    await late.granted;
    await late.release();
  });

  test("we hold, and they give up in time, with nothing left behind", async () => {
    const resource = setting.resource();
    const our = ours(await setting.manager(), "mutex", resource);
    await our.granted;
    await expect(peer.acquire("mutex", setting.directory(resource), 200).granted).rejects.toThrow("refused");
    await setting.queueOf(resource, 1);
    await our.release();
  });

  test("a mixed queue is served in order, one at a time", async () => {
    const resource = setting.resource();
    const managers = await Promise.all([setting.manager(), setting.manager()]);
    const queue: PeerHold[] = [];
    for (let place = 0; place < 8; place += 1) {
      const ask =
        place % 2 === 0
          ? () => theirs("mutex", resource)
          : () => ours(managers[place % 4 === 1 ? 0 : 1], "mutex", resource);
      queue.push(await asking(resource, ask));
    }
    for (const [place, hold] of queue.entries()) {
      await hold.granted;
      expect(queue.slice(place + 1).map(({ isHeld }) => isHeld)).not.toContain(true);
      await hold.release();
    }
    await setting.queueOf(resource, 0);
  });

  test("their death lets us in", async () => {
    const resource = setting.resource();
    const mortal = await start(SERVER);
    try {
      const their = mortal.acquire("mutex", setting.directory(resource));
      await their.granted;
      const manager = await setting.manager();
      const our = await asking(resource, () => ours(manager, "mutex", resource));
      await mortal.kill();
      // As long as their session: we hear of it from ZooKeeper only. An administrator may be quicker.
      const [holder] = (await manager.inspect(resource)).holders;
      await manager.forceRelease(resource, holder!.token);
      await our.granted;
      await our.release();
    } finally {
      await mortal.kill();
    }
  }, 60_000);

  test("inspect shows them in their places", async () => {
    const resource = setting.resource();
    const manager = await setting.manager({ identity: { who: "we" } });
    const their = theirs("mutex", resource);
    await their.granted;
    const our = await asking(resource, () => ours(manager, "mutex", resource));
    const { kind, holders, waiters } = await manager.inspect(resource);
    expect(kind).toBe("mutex");
    expect(holders).toHaveLength(1);
    expect(holders[0]!.sessionId).not.toBe(manager.session.id);
    expect(waiters).toMatchObject([{ position: 1, identity: { who: "we" } }]);
    await their.release();
    await our.granted;
    await our.release();
  });

  test.each(["read", "write"] as const)(
    "their mutex does not see a %s of ours: docs/guide.md says so",
    async (kind) => {
      const resource = setting.resource();
      const our = ours(await setting.manager(), kind, resource);
      await our.granted;
      const their = theirs("mutex", resource);
      await their.granted;
      await their.release();
      await our.release();
    },
  );

  if (sharesReaders) testReaders();

  function testReaders(): void {
    test.each(["mutex", "permit"] as const)(
      "their write lock does not see a %s, not even of theirs: docs/guide.md says so",
      async (kind) => {
        const resource = setting.resource();
        const holder = kind === "mutex" ? theirs(kind, resource) : ours(await setting.manager(), kind, resource);
        await holder.granted;
        const writer = theirs("write", resource);
        await writer.granted;
        await writer.release();
        await holder.release();
      },
    );

    test("readers of both hold together, writers of both alone, in the order of asking", async () => {
      const resource = setting.resource();
      const managers = await Promise.all([0, 1, 2].map(() => setting.manager()));
      const kinds: LockKind[] = ["read", "read", "write", "write", "read", "read", "write"];
      const queue: PeerHold[] = [];
      for (const [place, kind] of kinds.entries()) {
        const ask = place % 2 === 0 ? () => theirs(kind, resource) : () => ours(managers[place % 3]!, kind, resource);
        queue.push(await asking(resource, ask));
      }
      /** Those at these places hold now, and nobody after them. */
      const turnOf = async (...places: number[]): Promise<void> => {
        await Promise.all(places.map((place) => queue[place]!.granted));
        await settle(resource);
        const later = queue.slice(Math.max(...places) + 1);
        expect(later.map(({ isHeld }) => isHeld)).not.toContain(true);
        for (const place of places) await queue[place]!.release();
      };
      await turnOf(0, 1);
      await turnOf(2);
      await turnOf(3);
      await turnOf(4, 5);
      await turnOf(6);
      await setting.queueOf(resource, 0);
    });
  }

  test("their ticket is one that we can read", async () => {
    const resource = setting.resource();
    const their = theirs("mutex", resource);
    await their.granted;
    const [name] = await setting.raw.children(setting.directory(resource));
    expect(queueOf([name!])).toMatchObject([{ sequence: 0, demand: "exclusive" }]);
    await until(() => their.isHeld, { what: "them to hold" });
    await their.release();
  });
}
