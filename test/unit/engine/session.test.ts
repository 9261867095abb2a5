import { beforeEach, describe, expect, test } from "@jest/globals";
import { type Instant, instantOf } from "../../../src/common/clock.js";
import { SessionFullError, SessionLostError } from "../../../src/errors.js";
import { Session } from "../../../src/engine/session.js";
import { HandDrivenClock } from "../../helpers/hand-driven-clock.js";

const TIMEOUT_MS = 9_000;
const LEASE_MS = 6_000;

let clock: HandDrivenClock;
let session: Session;
let heard: string[];
beforeEach(() => {
  clock = new HandDrivenClock();
  session = new Session("abc", TIMEOUT_MS, clock, instantOf(clock));
  heard = [];
  for (const event of ["connected", "disconnected", "lapsed", "ended"] as const)
    session.on(event, () => heard.push(event));
});

const now = (): Instant => instantOf(clock);

describe("the lease", () => {
  test("is two thirds of the session's timeout, from the moment at which the request was sent", () => {
    expect(session.leaseMs).toBe(LEASE_MS);
    const sentAt = now();
    clock.pass(1_000);
    session.heard(sentAt);
    expect(session.leaseMs).toBe(LEASE_MS - 1_000);
    expect(session.silentMs).toBe(1_000);
  });

  test("is over by silence, and says so by itself", () => {
    clock.pass(LEASE_MS - 1);
    expect(session.state).not.toBe("lost");
    clock.pass(1);
    expect(heard).toEqual(["disconnected", "lapsed"]);
    expect({ state: session.state, leaseMs: session.leaseMs }).toEqual({ state: "lost", leaseMs: 0 });
    expect(session.ended).toBe(false);
  });

  test("is over for whoever looks, before any timer has run", () => {
    clock.stopFor(LEASE_MS);
    expect(heard).toEqual([]);
    expect(session.leaseMs).toBe(0);
    expect(heard).toEqual(["lapsed"]);
  });

  test("goes on as long as it is freshened", () => {
    for (let beat = 0; beat < 10; beat += 1) {
      clock.pass(LEASE_MS - 1);
      session.heard(now());
    }
    expect(heard).not.toContain("lapsed");
    expect(session.leaseMs).toBe(LEASE_MS);
  });

  test("is over when the wall clock jumps ahead: the machine may have slept", () => {
    clock.jumpWall(LEASE_MS);
    expect(session.leaseMs).toBe(0);
    expect(heard).toEqual(["lapsed"]);
  });

  test("is not prolonged when the wall clock jumps back", () => {
    clock.jumpWall(-3_600_000);
    clock.stopFor(LEASE_MS - 1);
    expect(session.leaseMs).toBe(1);
    clock.stopFor(1);
    expect(session.leaseMs).toBe(0);
  });

  test("an answer that is older than what we know changes nothing", () => {
    const early = now();
    clock.pass(2_000);
    session.heard(now());
    session.heard(early);
    expect(session.leaseMs).toBe(LEASE_MS);
  });

  test("an answer that was under way for longer than the lease does not begin a new one", () => {
    clock.pass(1_000);
    const sentAt = now();
    clock.stopFor(LEASE_MS);
    session.heard(sentAt);
    expect(session.leaseMs).toBe(0);
    expect(heard).toEqual(["lapsed"]);
  });

  test("an answer to a request sent after a gap ends what was held across the gap, though nobody had looked", () => {
    clock.stopFor(LEASE_MS);
    const sentAt = now();
    session.heard(sentAt);
    expect(heard).toEqual(["lapsed", "connected"]);
    expect({ state: session.state, leaseMs: session.leaseMs }).toEqual({ state: "connected", leaseMs: LEASE_MS });
  });

  test("a late answer that still covers the gap keeps what is held", () => {
    clock.pass(LEASE_MS - 1);
    const sentAt = now();
    clock.stopFor(1_000);
    // Sent within the lease: the server has heard us in time, although we know it only now.
    session.heard(sentAt);
    expect(heard).not.toContain("lapsed");
    expect(session.leaseMs).toBe(LEASE_MS - 1_000);
  });

  test("a lapse is not taken back by an answer that comes after somebody has seen it", () => {
    clock.pass(LEASE_MS - 1);
    const sentAt = now();
    clock.stopFor(1_000);
    expect(session.leaseMs).toBe(0);
    session.heard(sentAt);
    expect(heard).toEqual(["disconnected", "lapsed", "connected"]);
  });

  test("ends again after it has come back", () => {
    clock.pass(LEASE_MS);
    session.heard(now());
    clock.pass(LEASE_MS);
    expect(heard).toEqual(["disconnected", "lapsed", "connected", "disconnected", "lapsed"]);
  });
});

describe("the link", () => {
  test("down and up: suspended, and connected again", () => {
    session.linkDown();
    session.linkDown();
    expect({ state: session.state, isLinked: session.isLinked }).toEqual({ state: "suspended", isLinked: false });
    session.linkUp();
    session.linkUp();
    expect(session.state).toBe("connected");
    expect(heard).toEqual(["disconnected", "connected"]);
  });

  test("down past the lease: lost, and only an answer makes it connected again", () => {
    session.linkDown();
    clock.pass(LEASE_MS);
    expect(session.state).toBe("lost");
    session.linkUp();
    expect(session.state).toBe("lost");
    session.heard(now());
    expect(session.state).toBe("connected");
  });

  test("linked() waits for it, and rejects when the session ends instead", async () => {
    await session.linked();
    session.linkDown();
    const [one, other] = [session.linked(), session.linked()];
    session.linkUp();
    await Promise.all([one, other]);
    session.linkDown();
    const waiting = expect(session.linked()).rejects.toBeInstanceOf(SessionLostError);
    session.end();
    await waiting;
    await expect(session.linked()).rejects.toBeInstanceOf(SessionLostError);
    // Only the listeners of this test are left.
    expect([session.listenerCount("connected"), session.listenerCount("ended")]).toEqual([1, 1]);
  });
});

describe("silence", () => {
  const SILENCE_MS = TIMEOUT_MS / 3;

  test("of a third of the timeout is told as a connection that is down, and is none", () => {
    clock.pass(SILENCE_MS - 1);
    expect([heard, session.state]).toEqual([[], "connected"]);
    clock.pass(1);
    expect([heard, session.state]).toEqual([["disconnected"], "suspended"]);
    expect(session.isLinked).toBe(true);
    expect(session.leaseMs).toBe(LEASE_MS - SILENCE_MS);
    clock.pass(LEASE_MS - SILENCE_MS - 1);
    expect(session.state).toBe("suspended");
    clock.pass(1);
    expect([heard, session.state]).toEqual([["disconnected", "lapsed"], "lost"]);
  });

  test("is counted from the sending of what was answered last", () => {
    clock.pass(1_000);
    const sentAt = now();
    clock.pass(1_000);
    session.heard(sentAt);
    clock.pass(SILENCE_MS - 1_001);
    expect(session.state).toBe("connected");
    clock.pass(1);
    expect(heard).toEqual(["disconnected"]);
  });

  test("is over with the next answer, and told again the next time", () => {
    clock.pass(SILENCE_MS);
    session.heard(now());
    expect([heard, session.state]).toEqual([["disconnected", "connected"], "connected"]);
    clock.pass(SILENCE_MS);
    expect(heard).toEqual(["disconnected", "connected", "disconnected"]);
  });

  test("is seen by whoever looks, before any timer has run", () => {
    clock.stopFor(SILENCE_MS);
    expect(heard).toEqual([]);
    expect(session.state).toBe("suspended");
    expect(heard).toEqual(["disconnected"]);
  });

  test("a connection that goes in it is not told twice; the next one ends it", () => {
    clock.pass(SILENCE_MS);
    session.linkDown();
    expect(heard).toEqual(["disconnected"]);
    clock.pass(1_000);
    session.linkUp();
    expect([heard, session.state]).toEqual([["disconnected", "connected"], "connected"]);
    // The server that took us in has not answered since.
    clock.pass(LEASE_MS - SILENCE_MS - 1_000);
    expect(heard).toEqual(["disconnected", "connected", "lapsed"]);
  });

  test("while the connection is down anyway is not told", () => {
    session.linkDown();
    clock.pass(SILENCE_MS);
    expect(heard).toEqual(["disconnected"]);
  });
});

describe("the end", () => {
  test("is final, and said once", () => {
    session.end();
    session.end();
    session.linkDown();
    session.linkUp();
    session.heard(now());
    clock.pass(TIMEOUT_MS);
    expect(heard).toEqual(["ended"]);
    expect({
      state: session.state,
      leaseMs: session.leaseMs,
      isLinked: session.isLinked,
      ended: session.ended,
    }).toEqual({
      state: "lost",
      leaseMs: 0,
      isLinked: false,
      ended: true,
    });
  });

  test("leaves no timer", () => {
    session.end();
    expect(clock.timers).toBe(0);
  });
});

test("it is in use while anybody has a ticket, and says when nobody has", () => {
  let unused = 0;
  session.on("unused", () => (unused += 1));
  const [end, endOther] = [session.use("/locks/a"), session.use("/locks/a")];
  end();
  end();
  expect([session.inUse, unused]).toEqual([true, 0]);
  endOther();
  expect([session.inUse, unused]).toEqual([false, 1]);
});

describe("its tickets", () => {
  // 90 characters and four bytes of length: 9,574 of them are 899,956 bytes.
  const path = (number: number): string => `/locks/${String(number)}`.padEnd(90, "x");

  test("are as many as ZooKeeper can end in one go; one that is gone makes room for another", () => {
    const ends = Array.from({ length: 9_574 }, (_, number) => session.use(path(number)));
    expect(() => session.use(path(9_574))).toThrow(SessionFullError);
    expect(() => session.use(path(9_574))).toThrow(/has 9574 tickets already.+another manager/);
    // There is room for 44 bytes, with the four.
    expect(() => session.use("x".repeat(41))).toThrow(SessionFullError);
    session.use("x".repeat(40))();
    ends[0]!();
    ends[0]!();
    const end = session.use(path(9_574));
    expect(() => session.use(path(9_575))).toThrow(SessionFullError);
    end();
    for (const endUse of ends) endUse();
    expect(session.inUse).toBe(false);
  });

  test("count as the server sees them: with the chroot, in bytes", () => {
    const chrooted = new Session("abc", TIMEOUT_MS, clock, instantOf(clock), "/caf\u00e9");
    chrooted.use("x".repeat(899_990 - 6));
    expect(() => chrooted.use("")).toThrow(SessionFullError);
    const wide = new Session("abc", TIMEOUT_MS, clock, instantOf(clock));
    expect(() => wide.use("\u00e9".repeat(450_000))).toThrow(SessionFullError);
    expect(() => wide.use("x".repeat(450_000))).not.toThrow();
  });
});
