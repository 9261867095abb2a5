import { expect, test } from "@jest/globals";
import type { ZkLockManager } from "../../src/index.js";
import { PlainProxy } from "../chaos/plain-proxy.js";
import { until } from "../helpers/until.js";
import { SERVER, useSetting } from "./setting.js";

const setting = useSetting();

/** A manager with two ways to the server: the first one is held up from now on, the second one is there to come back by. */
async function heldUp(resource: string): Promise<{ first: PlainProxy; manager: ZkLockManager }> {
  const first = await PlainProxy.listen(Number(SERVER.split(":")[1]));
  setting.later(() => first.dispose());
  const second = await setting.proxy();
  await second.close();
  const manager = await setting.manager({}, `127.0.0.1:${first.port},${second.connectString}`);
  // A directory that is never empty is not reaped meanwhile.
  const lock = manager.createLock(resource);
  await lock.acquire();
  await setting.raw.create(`${setting.directory(resource)}/keep`);
  await lock.release();
  first.hold();
  await second.reopen();
  return { first, manager };
}

/** What is held up arrives: one more create in the directory. */
async function arriveLate(resource: string, first: PlainProxy): Promise<void> {
  const changes = async (): Promise<number> => (await setting.raw.stat(setting.directory(resource)))!.cversion;
  const before = await changes();
  first.letGo();
  await until(async () => (await changes()) > before, { what: "the late create to arrive" });
}

test("a create that is held up on an old connection and arrives after the next try leaves no second ticket", async () => {
  const resource = setting.resource();
  const { first, manager } = await heldUp(resource);
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  await arriveLate(resource, first);
  expect(lock.token).toBe(token);
  await setting.queueOf(resource, 1);
  await lock.release();
  await setting.queueOf(resource, 0);
}, 30_000);

test("a create that is held up on an old connection and arrives after its caller has given up leaves no ticket", async () => {
  const resource = setting.resource();
  const { first, manager } = await heldUp(resource);
  const backInTouch = new Promise<void>((resolve) => manager.once("connected", resolve));
  const lock = manager.createLock(resource);
  await expect(lock.acquire({ timeout: 500 })).rejects.toMatchObject({ code: "ERR_ACQUIRE_TIMEOUT" });
  await backInTouch;
  await arriveLate(resource, first);
  await setting.queueOf(resource, 0);
}, 30_000);
