import { expect, test } from "@jest/globals";
import { Deadline } from "../../../src/common/deadline.js";
import { systemClock } from "../../../src/common/clock.js";
import { HandDrivenClock } from "../../helpers/hand-driven-clock.js";

test("the action runs once, when the moment has come and not before", () => {
  const clock = new HandDrivenClock();
  let calls = 0;
  new Deadline(clock, 100).whenPassed(() => (calls += 1));
  clock.pass(99);
  expect(calls).toBe(0);
  clock.pass(1);
  expect(calls).toBe(1);
  clock.pass(1_000);
  expect(calls).toBe(1);
});

test("the moment is computed once: what goes by before somebody waits counts", () => {
  const clock = new HandDrivenClock();
  const deadline = new Deadline(clock, 100);
  clock.pass(80);
  let passed = false;
  deadline.whenPassed(() => (passed = true));
  clock.pass(20);
  expect(passed).toBe(true);
});

test("a timer that is early is not taken for the moment", () => {
  let passed = false;
  class EarlyClock extends HandDrivenClock {
    override after(ms: number, action: () => void): () => void {
      return super.after(ms > 0.5 ? ms - 0.5 : ms, action);
    }
  }
  const clock = new EarlyClock();
  new Deadline(clock, 100).whenPassed(() => (passed = true));
  clock.pass(99.5);
  expect(passed).toBe(false);
  clock.pass(0.5);
  expect(passed).toBe(true);
});

test("the action can be taken back", () => {
  const clock = new HandDrivenClock();
  let passed = false;
  const cancel = new Deadline(clock, 100).whenPassed(() => (passed = true));
  cancel();
  cancel();
  clock.pass(1_000);
  expect(passed).toBe(false);
  expect(clock.timers).toBe(0);
});

test("without a timeout it never comes, and there is no timer", () => {
  const clock = new HandDrivenClock();
  let passed = false;
  const cancel = new Deadline(clock, undefined).whenPassed(() => (passed = true));
  clock.pass(1e12);
  expect(passed).toBe(false);
  expect(clock.timers).toBe(0);
  cancel();
});

test.each([2 ** 31, 1e15, Number.MAX_VALUE])(
  "a timeout of %d ms, which no timer can hold, does not pass at once",
  async (ms) => {
    let passed = false;
    const cancel = new Deadline(systemClock, ms).whenPassed(() => (passed = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(passed).toBe(false);
    cancel();
  },
);
