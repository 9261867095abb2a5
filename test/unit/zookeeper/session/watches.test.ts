import { describe, expect, test } from "@jest/globals";
import { LockError } from "../../../../src/errors.js";
import { Watches } from "../../../../src/zookeeper/session/watches.js";

const path = (number: number, length = 100) => `/locks/${String(number)}`.padEnd(length, "x");

describe("listeners", () => {
  test("all of a path hear of its event once, and of no other's", () => {
    const watches = new Watches();
    const heard: string[] = [];
    watches.arm("/a", () => heard.push("first"));
    watches.arm("/a", () => heard.push("second"));
    watches.arm("/b", () => heard.push("other"));
    watches.fire("/a");
    watches.fire("/a");
    expect(heard).toEqual(["first", "second"]);
  });

  test("one that was forgotten hears nothing, and does not take the others along", () => {
    const watches = new Watches();
    const heard: string[] = [];
    const forget = watches.arm("/a", () => heard.push("forgotten"));
    watches.arm("/a", () => heard.push("kept"));
    forget();
    forget();
    watches.fire("/a");
    expect(heard).toEqual(["kept"]);
  });

  test("one that arms again from within the event hears of the next one", () => {
    const watches = new Watches();
    let heard = 0;
    const listen = (): void =>
      void watches.arm("/a", () => {
        heard += 1;
        if (heard < 3) listen();
      });
    listen();
    for (let event = 0; event < 5; event += 1) watches.fire("/a");
    expect(heard).toBe(3);
  });

  test("forgetting after the event does not touch who listens since", () => {
    const watches = new Watches();
    let heard = 0;
    const forget = watches.arm("/a", () => undefined);
    watches.fire("/a");
    watches.arm("/a", () => (heard += 1));
    forget();
    watches.fire("/a");
    expect(heard).toBe(1);
  });
});

describe("the cap", () => {
  const fill = (watches: Watches): number => {
    for (let number = 0; ; number += 1) {
      try {
        watches.arm(path(number), () => undefined);
      } catch (error) {
        expect(error).toBeInstanceOf(LockError);
        expect((error as LockError).message).toContain(`watches ${String(number)} nodes`);
        return number;
      }
    }
  };

  test("is below what ZooKeeper takes in one message: 1 MiB, paths and all", () => {
    const armed = fill(new Watches());
    expect(armed * 104).toBeLessThan(2 ** 20);
    expect(armed).toBeGreaterThan(8_000);
  });

  test("counts a path once, however many listen or ask again", () => {
    const watches = new Watches();
    for (let time = 0; time < 20_000; time += 1) watches.arm(path(0), () => undefined)();
    expect(fill(watches)).toBeGreaterThan(8_000);
  });

  test("has room again after an event, a miss, or a new connection", () => {
    const watches = new Watches();
    const armed = fill(watches);
    const full = () => watches.arm(path(armed + 1), () => undefined);
    expect(full).toThrow(LockError);
    watches.fire(path(0));
    expect(full).not.toThrow();
    watches.disarm(path(1));
    expect(() => watches.arm(path(armed + 2), () => undefined)).not.toThrow();
    watches.reset();
    expect(fill(watches)).toBe(armed);
  });

  test("counts the chroot that the client writes in front of each path", () => {
    const chroot = `/${"c".repeat(103)}`;
    expect(fill(new Watches(chroot)) * (chroot.length + 104)).toBeLessThan(2 ** 20);
  });

  test("counts bytes, not characters", () => {
    const watches = new Watches();
    expect(() => watches.arm("é".repeat(460_000), () => undefined)).toThrow(LockError);
  });
});
