import { afterEach, expect, test } from "@jest/globals";
import { ZkLockManager } from "../../../src/index.js";
import { type Command, endAll, start, zkLock } from "../../cli/command.js";
import { until } from "../../helpers/until.js";

afterEach(endAll);

async function served(...words: string[]): Promise<{ server: Command; address: string }> {
  const server = start(["serve", "--port", "0", ...words]);
  await server.says("Ctrl-C ends it");
  const address = await until(() => /^(.*:\d+)\n$/.exec(server.stdout)?.[1], { what: "the address" });
  return { server, address };
}

async function tokenFrom(address: string): Promise<number> {
  const manager = await ZkLockManager.connect(address);
  const token = await manager.createLock("r").using((hold) => hold.token);
  await manager.close();
  return token;
}

test("it prints its address, serves locks, and dies of the signal that ends it", async () => {
  for (const signal of ["SIGINT", "SIGTERM"] as const) {
    const { server, address } = await served();
    expect(address).toMatch(/^127\.0\.0\.1:\d+$/);
    expect(await zkLock(["run", "-z", address, "r", "--", "echo", "hi"])).toMatchObject({ code: 0, stdout: "hi\n" });
    server.signal(signal);
    expect(await server.ended).toMatchObject({ signal, stdout: `${address}\n` });
  }
}, 60_000);

test("the tokens of a later run are higher", async () => {
  const first = await served();
  const token = await tokenFrom(first.address);
  first.server.signal("SIGTERM");
  await first.server.ended;
  const second = await served();
  expect(await tokenFrom(second.address)).toBeGreaterThan(token);
}, 60_000);

test("an address that is taken is told in one line", async () => {
  const { address } = await served();
  const port = address.split(":").at(-1) ?? "";
  const { code, stderr } = await zkLock(["serve", "--port", port]);
  expect(code).toBe(1);
  expect(stderr).toMatch(new RegExp(`^zk-lock: 127.0.0.1:${port} cannot be listened on: .*EADDRINUSE.*\n$`));
});

test("a port that is none is refused", async () => {
  expect(await zkLock(["serve", "--port", "65536"])).toMatchObject({ code: 64 });
});
