import { expect, test } from "@jest/globals";
import { type Instant, instantOf } from "../../../../src/common/clock.js";
import { Heartbeat } from "../../../../src/zookeeper/wire/heartbeat.js";
import { HandDrivenClock } from "../../../helpers/hand-driven-clock.js";

const TIMEOUT_MS = 6_000;

/** A connection whose server answers a ping after `answersAfterMs`, as long as there is such a number. */
class Connection {
  readonly clock = new HandDrivenClock();
  readonly start = this.clock.monotonicMs();
  readonly heard: string[] = [];
  answersAfterMs: number | null = 10;
  heardAt: Instant = instantOf(this.clock);
  sentAt: Instant = instantOf(this.clock);
  askedAt: Instant | undefined;
  readonly heartbeat = new Heartbeat(this.clock, TIMEOUT_MS, this);

  ping(): void {
    this.#note("ping");
    this.sentAt = instantOf(this.clock);
    if (this.answersAfterMs === null) return;
    this.clock.after(this.answersAfterMs, () => {
      this.hear();
      this.heartbeat.answered();
    });
  }

  hear(): void {
    this.heardAt = instantOf(this.clock);
  }

  ask(): void {
    this.askedAt = this.sentAt = instantOf(this.clock);
  }

  breakOff(reason: Error): void {
    this.#note(reason.message);
    this.heartbeat.stop();
  }

  #note(what: string): void {
    this.heard.push(`${Math.round(this.clock.monotonicMs() - this.start)}: ${what}`);
  }
}

test("an idle connection pings six times in a timeout, and lives", () => {
  const connection = new Connection();
  connection.clock.pass(6_100);
  expect(connection.heard).toEqual([1, 2, 3, 4, 5, 6].map((beat) => `${beat}000: ping`));
});

test("no ping while there is traffic in both directions", () => {
  const connection = new Connection();
  for (let step = 0; step < 20; step += 1) {
    connection.clock.pass(500);
    connection.sentAt = instantOf(connection.clock);
    connection.hear();
  }
  expect(connection.heard).toEqual([]);
});

test("an idle connection breaks off after a third of silence", () => {
  const connection = new Connection();
  connection.answersAfterMs = null;
  connection.clock.pass(5_000);
  expect(connection.heard).toEqual(["1000: ping", "2000: The server has been silent for 2000 ms."]);
});

test("so does a busy one, after a third of silence too", () => {
  const connection = new Connection();
  connection.answersAfterMs = null;
  connection.clock.pass(700);
  connection.hear();
  connection.ask();
  connection.clock.pass(5_000);
  expect(connection.heard).toEqual(["1700: ping", "2700: The server has been silent for 2000 ms."]);
});

test("a question has half of that time at least, however long nothing has been said before", () => {
  const connection = new Connection();
  connection.answersAfterMs = 990;
  connection.clock.pass(20_000);
  expect(connection.heard.every((line) => line.endsWith("ping"))).toBe(true);
});

test("an answer that was there, and only had not been read yet, counts", () => {
  const connection = new Connection();
  connection.answersAfterMs = null;
  connection.clock.pass(1_500);
  // At the moment of the break-off, before what is done `soon`.
  connection.clock.after(500, () => connection.clock.soon(() => connection.hear()));
  connection.clock.after(500, () => connection.heartbeat.answered());
  connection.clock.pass(400);
  connection.answersAfterMs = 10;
  connection.clock.pass(2_000);
  expect(connection.heard.every((line) => line.endsWith("ping"))).toBe(true);
});

test("a request that is not answered ends it after two thirds, whatever else comes", () => {
  const connection = new Connection();
  connection.ask();
  connection.clock.pass(10_000);
  const last = connection.heard.pop()!;
  expect(last).toMatch(/: A reply is overdue since 4000 ms\.$/);
  expect(Number.parseInt(last, 10)).toBeLessThanOrEqual(5_000);
});
