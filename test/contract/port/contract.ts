import { describe, expect, test } from "@jest/globals";
import { setTimeout } from "node:timers/promises";
import { ConnectionLossError, type QueuePort } from "../../../src/engine/queue-port.js";
import { insist } from "../../../src/engine/until-answered.js";
import type { Kind, Listing, Ticket } from "../../../src/engine/ticket.js";
import { SessionLostError } from "../../../src/errors.js";
import { rejection } from "../../helpers/setting.js";
import { until } from "../../helpers/until.js";
import type { PortWorld } from "./port-world.js";

const KINDS: readonly Kind[] = ["mutex", "write", "read", "semaphore"];
const DATA = Buffer.from('{"who":"me"}');
const DEFAULT_KIND: Kind = "mutex";
let made = 0;

/** No ticket has the id of another one. */
const newId = (): string => `c0ffee${(made += 1)}`;

/** What the core relies on, of whatever service is behind the port. To be called in a `describe` of its own for each engine. */
export function portContract(world: PortWorld): void {
  let queues = 0;
  const newQueue = (): string => `${world.root}/queue-${process.pid}-${(queues += 1)}`;

  async function enter(port: QueuePort, queue: string, { id = newId(), kind = DEFAULT_KIND, data = DATA } = {}) {
    const refs: string[] = [];
    const listing = await port.enter(queue, { id, kind, data }, (ref) => refs.push(ref));
    const own = (listing as Listing).tickets.find((ticket) => ticket.id === id) as Ticket;
    expect(refs).toEqual([own.ref]);
    return { id, own, listing: listing as Listing };
  }
  const refsIn = async (port: QueuePort, queue: string): Promise<string[]> =>
    (await port.list(queue)).tickets.map(({ ref }) => ref);

  test("a queue that nobody has entered is an empty one, in which nothing is stored", async () => {
    const { port } = await world.party();
    const queue = newQueue();
    expect((await port.list(queue)).tickets).toEqual([]);
    expect(await port.settings(queue)).toBeNull();
    expect(await port.resume(queue, newId())).toBeNull();
  });

  test("a ticket comes back as it was asked for, untouched, and the session's own", async () => {
    const { port } = await world.party();
    const queue = newQueue();
    for (const kind of KINDS) {
      const { id, own, listing } = await enter(port, queue, { kind });
      expect([own.id, own.kind, own.isPastEnd, Number.isSafeInteger(own.token)]).toEqual([id, kind, false, true]);
      expect(own.demand).toBe(kind === "read" ? "shared" : kind === "semaphore" ? "permit" : "exclusive");
      expect(listing.tickets.at(-1)).toBe(own);
      expect(await port.read(own.ref)).toMatchObject({ data: DATA, owner: port.session.id, version: "untouched" });
      expect(await port.confirm(own.ref)).toBe(true);
    }
  });

  test("tickets stand in the order of their arrival, whoever took them, and each token is greater than those before", async () => {
    const { port: ours } = await world.party();
    const { port: theirs } = await world.party();
    const queue = newQueue();
    const taken: Ticket[] = [];
    for (const port of [ours, theirs, theirs, ours]) taken.push((await enter(port, queue)).own);
    const { tickets } = await theirs.list(queue);
    const seen = tickets.map(({ ref, order, token }) => ({ ref, order, token }));
    expect(seen).toEqual(taken.map(({ ref, order, token }) => ({ ref, order, token })));
    for (const rank of ["order", "token"] as const) {
      const ranks = tickets.map((ticket) => ticket[rank]);
      expect(ranks).toEqual([...new Set(ranks)].sort((a, b) => a - b));
    }
  });

  test("many that are taken at once all have their ticket, and say which of them were answered together", async () => {
    const { port } = await world.party();
    const queue = newQueue();
    const all = await Promise.all(Array.from({ length: 20 }, () => enter(port, queue)));
    const refs = await refsIn(port, queue);
    expect(new Set(refs)).toEqual(new Set(all.map(({ own }) => own.ref)));
    for (const { listing } of all) for (const ref of listing.takenTogether ?? []) expect(refs).toContain(ref);
  });

  test("who has left is gone for everybody, and a later ticket has a greater token, also in a queue that was empty", async () => {
    const { port } = await world.party();
    const { port: other } = await world.party();
    const queue = newQueue();
    const tokens: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const { id, own } = await enter(port, queue);
      tokens.push(own.token);
      await port.leave(queue, id, own.ref);
      // Twice is as good as once.
      await port.leave(queue, id, own.ref);
      expect(await port.confirm(own.ref)).toBe(false);
      expect(await port.read(own.ref)).toBeNull();
    }
    const last = await enter(other, queue);
    expect((await other.list(queue)).tickets).toHaveLength(1);
    tokens.push(last.own.token);
    expect(tokens).toEqual([...new Set(tokens)].sort((a, b) => a - b));
  });

  test("a ticket is found by its id, in its own session only", async () => {
    const { port } = await world.party();
    const { port: stranger } = await world.party();
    const queue = newQueue();
    const { id, own } = await enter(port, queue);
    const resumed = await port.resume(queue, id);
    expect(resumed?.own.ref).toBe(own.ref);
    expect(resumed?.listing.tickets.map(({ ref }) => ref)).toEqual([own.ref]);
    expect(await stranger.resume(queue, id)).toBeNull();
    await stranger.leave(queue, id, null);
    expect(await port.confirm(own.ref)).toBe(true);
    await port.leave(queue, id, null);
    expect(await port.confirm(own.ref)).toBe(false);
  });

  describe("an entry whose answer is lost", () => {
    /** As the core does: the connection comes back by itself. */
    const insistOn = <T>(port: QueuePort, ask: () => Promise<T>): Promise<T> =>
      insist(ask, port.session, () => setTimeout(10));

    async function loseOne(): Promise<{ port: QueuePort; queue: string; id: string }> {
      const party = await world.party();
      const { port } = party;
      const [queue, id] = [newQueue(), newId()];
      await enter(port, queue);
      await party.loseEntry();
      await expect(enter(port, queue, { id })).rejects.toThrow(ConnectionLossError);
      return { port, queue, id };
    }

    test("is there, and is found", async () => {
      const { port, queue, id } = await loseOne();
      const resumed = await insistOn(port, () => port.resume(queue, id));
      expect(resumed?.own.id).toBe(id);
      expect(resumed?.listing.tickets).toHaveLength(2);
      expect(resumed?.listing.tickets).toContain(resumed?.own);
    });

    test("is given up for good by its id alone", async () => {
      const { port: other } = await world.party();
      const { port, queue, id } = await loseOne();
      await insistOn(port, () => port.leave(queue, id, null));
      expect(await insistOn(port, () => port.resume(queue, id))).toBeNull();
      const { listing } = await enter(other, queue);
      expect(listing.tickets).toHaveLength(2);
      expect(listing.tickets.map((ticket) => ticket.id)).not.toContain(id);
    });
  });

  test("anybody removes a ticket, and whoever watches it is told once", async () => {
    const { port } = await world.party();
    const { port: admin } = await world.party();
    const queue = newQueue();
    const { own } = await enter(port, queue);
    let told = 0;
    const { content } = await port.watch(own.ref, () => (told += 1));
    expect(content).toMatchObject({ data: DATA, owner: port.session.id });
    await admin.remove(own.ref);
    await until(() => told === 1, { what: "the watch to tell" });
    expect((await port.watch(own.ref, () => (told += 1))).content).toBeNull();
    await admin.remove(own.ref);
    await enter(port, queue);
    expect(told).toBe(1);
  });

  test("a writing is told to whoever watches, not to who has let go, and is no more than one of two at a time", async () => {
    const { port } = await world.party();
    const { port: other } = await world.party();
    const queue = newQueue();
    const { own } = await enter(port, queue);
    const told: string[] = [];
    await other.watch(own.ref, () => told.push("watching"));
    (await other.watch(own.ref, () => told.push("let go"))).forget();
    expect(await port.write(own.ref, Buffer.from("first"), "untouched")).toBe(true);
    await until(() => told.length > 0, { what: "the watch to tell" });
    expect(await other.write(own.ref, Buffer.from("late"), "untouched")).toBe(false);
    const seen = await other.read(own.ref);
    expect(seen?.data.toString()).toBe("first");
    expect(seen?.version).not.toBe("untouched");
    expect(await other.write(own.ref, Buffer.from("second"), seen!.version)).toBe(true);
    expect(await port.write(own.ref, Buffer.from("late"), seen!.version)).toBe(false);
    await port.remove(own.ref);
    expect(await port.write(own.ref, DATA, "untouched")).toBe(false);
    expect(told).toEqual(["watching"]);
  });

  test("a queue is watched from before its first ticket; each watch tells of one coming or going", async () => {
    const { port } = await world.party();
    const { port: watching } = await world.party();
    const queue = newQueue();
    let told = 0;
    const watch = (): Promise<{ listing: Listing }> => watching.watchQueue(queue, () => (told += 1));
    expect((await watch()).listing.tickets).toEqual([]);
    const { id, own } = await enter(port, queue);
    await until(() => told === 1, { what: "the watch to tell of the coming" });
    expect((await watch()).listing.tickets.map(({ ref }) => ref)).toEqual([own.ref]);
    await port.leave(queue, id, own.ref);
    await until(() => told === 2, { what: "the watch to tell of the going" });
  });

  test("what is stored with a resource is empty at first, shared by all, and lost to nobody who writes at the same time", async () => {
    const { port } = await world.party();
    const { port: other } = await world.party();
    const queue = newQueue();
    await enter(port, queue);
    const first = await port.settings(queue);
    expect(first?.data).toHaveLength(0);
    expect(await port.saveSettings(queue, Buffer.from("ours"), first!.version)).toBe(true);
    expect(await other.saveSettings(queue, Buffer.from("theirs"), first!.version)).toBe(false);
    const second = await other.settings(queue);
    expect(second?.data.toString()).toBe("ours");
    expect(await other.saveSettings(queue, Buffer.from("theirs"), second!.version)).toBe(true);
    // It is no ticket, and in nobody's way.
    expect((await port.list(queue)).tickets).toHaveLength(1);
  });

  test("the queues below a root are listed by their names", async () => {
    const { port } = await world.party();
    const queue = newQueue();
    await enter(port, queue);
    expect(await port.queues(world.root)).toContain(queue.slice(world.root.length + 1));
    expect(await port.queues(`${world.root}/none`)).toEqual([]);
  });

  test("a session is in use from the reservation of a ticket to its end", async () => {
    const { port } = await world.party();
    const entry = { id: newId(), kind: "mutex", data: DATA } as const;
    const end = port.reserve(newQueue(), entry);
    expect(port.session.inUse).toBe(true);
    end();
    expect(port.session.inUse).toBe(false);
  });

  test("with a session go its tickets, and whoever asks on is told", async () => {
    const party = await world.party();
    const { port } = party;
    const { port: other } = await world.party();
    const queue = newQueue();
    const { own } = await enter(port, queue);
    let told = false;
    await other.watch(own.ref, () => (told = true));
    await party.expire();
    await until(() => told && port.session.ended, { what: "both to be told of the end" });
    expect(await refsIn(other, queue)).toEqual([]);
    expect(await rejection(port.list(queue))).toBeInstanceOf(SessionLostError);
    expect(await rejection(port.leave(queue, newId(), null))).toBeInstanceOf(SessionLostError);
    expect(await rejection(enter(port, queue))).toBeInstanceOf(SessionLostError);
  });

  if (world.wearsOut) {
    test("a queue that is past its end begins anew when all have left it, and its tokens go on rising", async () => {
      const { port } = await world.party({ life: 2 });
      const queue = newQueue();
      const old = [await enter(port, queue), await enter(port, queue), await enter(port, queue)];
      expect(old.map(({ own }) => own.isPastEnd)).toEqual([false, false, true]);
      for (const { id, own } of old) {
        const left = await port.retire(queue);
        expect((await port.read(left?.ref ?? ""))?.owner).toBe(port.session.id);
        await port.leave(queue, id, own.ref);
      }
      expect(await port.retire(queue)).toBeNull();
      const { own } = await enter(port, queue);
      expect(own.isPastEnd).toBe(false);
      expect(own.token).toBeGreaterThan(Math.max(...old.map((ticket) => ticket.own.token)));
    });
  }
}
