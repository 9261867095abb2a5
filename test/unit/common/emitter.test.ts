import { expect, test } from "@jest/globals";
import { Emitter } from "../../../src/common/emitter.js";

interface Events {
  moved: [where: string];
  over: [];
}

test("tells those who listen, in the order in which they came, until they are removed", () => {
  const emitter = new Emitter<Events>();
  const heard: string[] = [];
  const first = (where: string): void => void heard.push(`first ${where}`);
  emitter.on("moved", first).on("moved", (where) => heard.push(`second ${where}`));
  emitter.emit("moved", "a");
  emitter.removeListener("moved", first).removeListener("over", () => undefined);
  emitter.emit("moved", "b");
  emitter.emit("over");
  expect(heard).toEqual(["first a", "second a", "second b"]);
  expect([emitter.listenerCount("moved"), emitter.listenerCount("over")]).toEqual([1, 0]);
});

test("`once` is once, and can be removed before", () => {
  const emitter = new Emitter<Events>();
  let heard = 0;
  const removed = (): void => void (heard += 100);
  emitter.once("over", () => (heard += 1)).once("over", removed);
  emitter.removeListener("over", removed);
  emitter.emit("over");
  emitter.emit("over");
  expect(heard).toBe(1);
  expect(emitter.listenerCount("over")).toBe(0);
});

test("who begins to listen during an event hears the next one", () => {
  const emitter = new Emitter<Events>();
  let heard = 0;
  emitter.once("over", () => emitter.on("over", () => (heard += 1)));
  emitter.emit("over");
  expect(heard).toBe(0);
  emitter.emit("over");
  expect(heard).toBe(1);
});
