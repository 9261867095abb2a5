import { describe, expect, test } from "@jest/globals";
import { VirtualClock } from "../../../src/testing/index.js";

const note = (log: string[], entry: string) => (): void => void log.push(entry);

describe("virtual time", () => {
  test("runs what falls due in the order of its time, and stops at the end", async () => {
    const clock = new VirtualClock({ wallStartMs: 1_000 });
    const log: string[] = [];
    clock.after(20, note(log, "20"));
    clock.after(5, () => {
      log.push(`5 at ${clock.monotonicMs()}`);
      clock.after(5, note(log, "10"));
    });
    clock.after(31, note(log, "31"));
    await clock.advance(30);
    expect(log).toEqual(["5 at 5", "10", "20"]);
    expect([clock.monotonicMs(), clock.wallMs(), clock.pending]).toEqual([30, 1_030, 1]);
  });

  test("lets all promises settle between two timers of the same moment", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    clock.after(1, () => {
      void (async () => {
        for (let turn = 0; turn < 50; turn++) await Promise.resolve();
        log.push("promises");
      })();
      process.nextTick(note(log, "tick"));
    });
    clock.after(1, note(log, "second"));
    await clock.advance(1);
    expect(log).toEqual(["tick", "promises", "second"]);
  });

  test("a timer taken back does not run", async () => {
    const clock = new VirtualClock();
    const log: string[] = [];
    const cancel = clock.after(1, note(log, "no"));
    cancel();
    cancel();
    expect(clock.pending).toBe(0);
    await clock.advance(5);
    expect(log).toEqual([]);
  });

  test("runs until only the background is left", async () => {
    const clock = new VirtualClock();
    const beat = (): void => void clock.background(10, beat);
    beat();
    const log: string[] = [];
    clock.after(25, () => clock.after(30, note(log, "done")));
    expect(await clock.runUntilIdle()).toBe(true);
    expect([log, clock.monotonicMs()]).toEqual([["done"], 55]);
    const again = (): void => void clock.after(10, again);
    again();
    expect(await clock.runUntilIdle(100)).toBe(false);
  });

  test("within one process it is first come, first served; between processes the seed decides", async () => {
    const order = async (seed: number): Promise<string> => {
      const clock = new VirtualClock({ seed });
      const log: string[] = [];
      for (const name of ["a", "b", "c"]) {
        const process = clock.process();
        process.after(5, note(log, `${name}1`));
        process.after(5, note(log, `${name}2`));
      }
      await clock.advance(5);
      return log.join(" ");
    };
    const orders = new Set(await Promise.all([0, 1, 2, 3, 4, 5, 6, 7].map(order)));
    expect(orders.size).toBeGreaterThan(2);
    for (const one of orders)
      for (const name of "abc") expect(one.indexOf(`${name}1`)).toBeLessThan(one.indexOf(`${name}2`));
    expect(await order(0)).toBe("a1 a2 b1 b2 c1 c2");
    expect(await order(5)).toBe(await order(5));
  });

  test("an action that throws rejects the call, and a second call at a time is refused", async () => {
    const clock = new VirtualClock();
    clock.after(1, () => {
      throw new Error("of the action");
    });
    const running = clock.advance(2);
    await expect(clock.advance(1)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await expect(running).rejects.toThrow("of the action");
    await expect(clock.advance(-1)).rejects.toMatchObject({ code: "ERR_INVALID_ARGUMENT" });
    await clock.advance(1);
  });
});

describe("a process's view of it", () => {
  test("while stopped nothing runs, and time goes on; afterwards everything is overdue, timers first", async () => {
    const clock = new VirtualClock();
    const process = clock.process();
    const log: string[] = [];
    process.pause();
    process.soon(note(log, "macrotask"));
    process.after(20, note(log, "timer 20"));
    process.after(10, note(log, "timer 10"));
    process.after(500, note(log, "timer 500"));
    clock.after(15, note(log, "others"));
    await clock.advance(100);
    expect([log, process.monotonicMs(), process.heldBack, process.isPaused]).toEqual([["others"], 100, 3, true]);
    process.resume();
    await clock.advance(0);
    expect(log).toEqual(["others", "timer 10", "timer 20", "macrotask"]);
    await clock.advance(400);
    expect(log.at(-1)).toBe("timer 500");
  });

  test("a timer taken back while its process is stopped stays away", async () => {
    const clock = new VirtualClock();
    const process = clock.process();
    const log: string[] = [];
    const cancel = process.after(5, note(log, "no"));
    process.pause();
    await clock.advance(10);
    cancel();
    process.resume();
    await clock.advance(10);
    expect([log, clock.pending]).toEqual([[], 0]);
  });

  test("while its machine sleeps, the monotonic clock and timers stand still, and the wall clock goes on", async () => {
    const clock = new VirtualClock({ wallStartMs: 0 });
    const process = clock.process();
    const log: string[] = [];
    process.after(50, () => log.push(`at ${clock.monotonicMs()}`));
    process.after(3_000, () => log.push(`at ${clock.monotonicMs()}`));
    await clock.advance(10);
    process.pause({ machineSleeps: true });
    await clock.advance(1_000);
    expect([process.monotonicMs(), process.wallMs()]).toEqual([10, 1_010]);
    process.resume();
    expect([process.monotonicMs(), process.wallMs(), log]).toEqual([10, 1_010, []]);
    await clock.advance(3_000);
    expect(log).toEqual(["at 1050", "at 4000"]);
  });

  test("its wall clock can jump, and nothing else notices", () => {
    const clock = new VirtualClock({ wallStartMs: 1_000 });
    const [process, other] = [clock.process(), clock.process()];
    process.jumpWall(-600);
    expect([process.wallMs(), other.wallMs(), clock.wallMs(), process.monotonicMs()]).toEqual([400, 1_000, 1_000, 0]);
  });
});
