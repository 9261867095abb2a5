import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { AccessDeniedError } from "../../src/index.js";
import type { Acl } from "../../src/zookeeper/client.js";
import { EPHEMERAL, RawClient } from "../helpers/raw-client.js";
import { until } from "../helpers/until.js";
import { journal, rejection, useSetting } from "./setting.js";

const ALL = 31;
const READ = 1;
const CREATE = 4;
const DELETE = 8;
const CREDENTIALS = "alice:secret:with:colons";
const auth = { scheme: "digest", credentials: CREDENTIALS } as const;
const ALICE = `alice:${createHash("sha1").update(CREDENTIALS).digest("base64")}`;
const STRANGERS = [{ perms: ALL, scheme: "digest", auth: "bob:Zm9v" }];

let alice: RawClient;
// Before the setting's own hooks: restricted directories must be gone when it looks for leftovers.
let clearAway: () => Promise<void> = () => Promise.resolve();
const setting = useSetting();
beforeEach(async () => {
  alice = await RawClient.connect();
  await new Promise((resolve) => {
    alice.client.add_auth("digest", CREDENTIALS, resolve);
    // A lone authentication is answered late.
    alice.client.a_sync("/", () => undefined);
  });
  setting.later(async () => {
    await clearAway();
    await alice.deleteall(setting.root);
    await alice.close();
  });
});
afterEach(() => {
  clearAway = () => Promise.resolve();
});

function setAcl(raw: RawClient, path: string, acl: readonly Acl[]): Promise<number> {
  return new Promise((resolve) => raw.client.a_set_acl(path, -1, acl, resolve));
}

function aclOf(raw: RawClient, path: string): Promise<readonly Acl[]> {
  return new Promise((resolve) => raw.client.a_get_acl(path, (_code, _message, acl) => resolve(acl ?? [])));
}

/** Makes a directory that is a stranger's: it can still be deleted from above while it is empty. */
async function lockedAway(path: string, acl: readonly Acl[] = STRANGERS): Promise<void> {
  await setting.raw.mkdirp(path);
  expect(await setAcl(setting.raw, path, acl)).toBe(0);
}

test.each([
  ["lets nobody in", STRANGERS],
  ["can be read only", [{ perms: READ, scheme: "world", auth: "anyone" }, ...STRANGERS]],
])("a directory whose ACL %s: AccessDeniedError, at once, that names it", async (_, acl) => {
  const resource = setting.resource();
  await lockedAway(setting.directory(resource), acl);
  clearAway = () => setting.raw.delete(setting.directory(resource));
  const lock = (await setting.manager()).createLock(resource);
  for (const attempt of [lock.acquire(), lock.tryAcquire(), lock.using(() => undefined)]) {
    const error = await rejection(attempt);
    expect(error).toBeInstanceOf(AccessDeniedError);
    expect(error).toMatchObject({ name: "AccessDeniedError", code: "ERR_ACCESS_DENIED", resource });
    expect(error.message).toContain(setting.directory(resource));
  }
  expect(lock.isHeld).toBe(false);
});

test("a root in which nothing can be made: AccessDeniedError", async () => {
  const rootDir = `${setting.root}/closed`;
  await lockedAway(rootDir);
  clearAway = () => setting.raw.delete(rootDir);
  const manager = await setting.manager({ rootDir });
  expect(await rejection(manager.createLock("r").acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  const below = manager.createLock("r", { rootDir: `${rootDir}/deep/down` });
  expect(await rejection(below.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED" });
});

test("a root that can have no children, for it is ephemeral: LockError, at once, that says which directory and why", async () => {
  const rootDir = `${setting.root}/ephemeral`;
  await setting.raw.mkdirp(setting.root);
  await setting.raw.create(rootDir, "", EPHEMERAL);
  const error = await rejection((await setting.manager({ rootDir })).createLock("r").acquire());
  expect(error).toMatchObject({ name: "LockError", code: "ERR_LOCK" });
  expect(error.message).toMatch(/ephemeral\/r: NOCHILDRENFOREPHEMERALS \(-108\)\. .*rootDir/);
});

test("levels above that are somebody else's do no harm, as long as they are there", async () => {
  const closed = `${setting.root}/closed`;
  await setting.raw.mkdirp(`${closed}/open`);
  const aliceOnly = { perms: ALL, scheme: "digest", auth: ALICE };
  expect(await setAcl(setting.raw, closed, [{ perms: READ, scheme: "world", auth: "anyone" }, aliceOnly])).toBe(0);
  const lock = (await setting.manager({ rootDir: `${closed}/open` })).createLock("r");
  expect(await lock.tryAcquire()).not.toBeNull();
  await lock.release();
});

test("a right that is taken away while we wait is an AccessDeniedError, or a wait as before: never a grant", async () => {
  const resource = setting.resource();
  const holder = (await setting.manager()).createLock(resource);
  await holder.acquire();
  const lock = (await setting.manager()).createLock(resource);
  const outcome = rejection(lock.acquire({ timeout: 3_000 }));
  const tickets = await setting.queueOf(resource, 2);
  // Deleting stays allowed, so that both can leave; looking does not.
  await setAcl(setting.raw, setting.directory(resource), [
    { perms: ALL & ~READ, scheme: "world", auth: "anyone" },
    { perms: ALL, scheme: "digest", auth: ALICE },
  ]);
  await holder.release();
  expect(await outcome).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  expect(tickets).toHaveLength(2);
  expect(lock.isHeld).toBe(false);
});

test("auth: the directory belongs to the user alone, and a manager without it is denied", async () => {
  const resource = setting.resource();
  const manager = await setting.manager({ auth });
  const lock = manager.createLock(resource);
  const token = await lock.acquire();
  expect(await aclOf(alice, setting.directory(resource))).toEqual([{ perms: ALL, scheme: "digest", auth: ALICE }]);

  const stranger = (await setting.manager()).createLock(resource);
  expect(await rejection(stranger.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  const other = { scheme: "digest", credentials: "bob:secret" } as const;
  const bob = (await setting.manager({ auth: other })).createLock(resource);
  expect(await rejection(bob.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  expect(await alice.children(setting.directory(resource))).toHaveLength(1);

  // The same user on another session queues with us.
  const friend = (await setting.manager({ auth })).createLock(resource);
  expect(await friend.tryAcquire()).toBeNull();
  const next = friend.acquire();
  await lock.release();
  expect(await next).toBeGreaterThan(token);
  await friend.release();
  expect(await alice.children(setting.directory(resource))).toEqual([]);
});

test("auth: the user's directory stays its own when it is deleted and made anew", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager({ auth })).createLock(resource);
  const token = await lock.acquire();
  await lock.release();
  await setting.raw.delete(setting.directory(resource));
  expect(await lock.acquire()).toBeGreaterThan(token);
  expect(await aclOf(alice, setting.directory(resource))).toEqual([{ perms: ALL, scheme: "digest", auth: ALICE }]);
  await lock.release();
});

test("auth: an open directory that somebody else has made in its place becomes the user's", async () => {
  const resource = setting.resource();
  const lock = (await setting.manager({ auth })).createLock(resource);
  const token = await lock.acquire();
  await lock.release();
  await setting.raw.delete(setting.directory(resource));
  await setting.raw.mkdirp(setting.directory(resource));
  expect(await lock.acquire()).toBeGreaterThan(token);
  expect(await aclOf(alice, setting.directory(resource))).toEqual([{ perms: ALL, scheme: "digest", auth: ALICE }]);
  await lock.release();
});

test("a directory in which tickets can be made but not seen: AccessDeniedError, and no ticket is left in it", async () => {
  const resource = setting.resource();
  await lockedAway(setting.directory(resource), [
    { perms: CREATE | DELETE, scheme: "world", auth: "anyone" },
    { perms: ALL, scheme: "digest", auth: ALICE },
  ]);
  const lock = (await setting.manager()).createLock(resource);
  expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  expect(await alice.children(setting.directory(resource))).toEqual([]);
});

test("auth: an open directory that is there already becomes the user's", async () => {
  const resource = setting.resource();
  await setting.raw.mkdirp(setting.directory(resource));
  const lock = (await setting.manager({ auth })).createLock(resource);
  await lock.acquire();
  expect(await aclOf(alice, setting.directory(resource))).toEqual([{ perms: ALL, scheme: "digest", auth: ALICE }]);
  await lock.release();
});

test("auth: a directory of somebody else's is refused, not used", async () => {
  const resource = setting.resource();
  const path = setting.directory(resource);
  const open = { perms: ALL & ~16, scheme: "world", auth: "anyone" };
  await lockedAway(path, [open, ...STRANGERS]);
  clearAway = () => setting.raw.delete(path);
  const lock = (await setting.manager({ auth })).createLock(resource);
  expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  expect(await setting.raw.children(path)).toEqual([]);
});

test("auth: an adopted client is authenticated by the manager", async () => {
  const resource = setting.resource();
  const lock = setting.adopting(await setting.connectedClient(), { auth }).createLock(resource);
  await lock.acquire();
  expect(await aclOf(alice, setting.directory(resource))).toEqual([{ perms: ALL, scheme: "digest", auth: ALICE }]);
  const stranger = (await setting.manager()).createLock(resource);
  expect(await rejection(stranger.acquire())).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  await lock.release();
});

test("auth: a session that is taken over after a cut is the user's still", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ auth });
  const lock = manager.createLock(resource);
  const heard = journal(lock);
  const token = await lock.acquire();
  await proxy.cut();
  await until(() => heard.includes("resumed"), { what: "the hold to be resumed" });
  expect(await lock.renew()).toBe(token);
  expect(await lock.release()).toBe(true);
  expect(heard).toEqual(["acquired", "suspended", "resumed", "released"]);
  expect(await alice.children(setting.directory(resource))).toEqual([]);
});
