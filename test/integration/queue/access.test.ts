import { afterEach, beforeEach, expect, test } from "@jest/globals";
import { createHash } from "node:crypto";
import { AccessDeniedError, type LockError } from "../../../src/index.js";
import type { Acl, PackageClient } from "../../../src/zookeeper/client/client.js";
import { EPHEMERAL, RawClient } from "../../helpers/raw-client.js";
import { ask } from "../../helpers/server-statistics.js";
import { until } from "../../helpers/until.js";
import { journal, rejection, SERVER, useSetting } from "../../helpers/setting.js";

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

function authenticateAsAlice(client: PackageClient): Promise<number> {
  return new Promise((resolve) => {
    client.add_auth("digest", CREDENTIALS, resolve);
    client.a_sync("/", () => undefined);
  });
}

/** A directory that anybody may use, but for the rights that are `denied`. */
async function openTo(path: string, denied: number): Promise<void> {
  if (!(await alice.exists(path))) await alice.mkdirp(path);
  const anybody = { perms: ALL & ~denied, scheme: "world", auth: "anyone" };
  expect(await setAcl(alice, path, [anybody, { perms: ALL, scheme: "digest", auth: ALICE }])).toBe(0);
}

/** The one error that managers have told of. */
async function theOneError(): Promise<LockError> {
  await until(() => setting.errors.length > 0, { what: "the manager's error" });
  const errors = setting.errors.splice(0);
  expect(errors).toHaveLength(1);
  return errors[0]!;
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

test("the right to delete is taken from a session of ours while it holds: its tickets go with it, and it is told once", async () => {
  const [resource, other] = [setting.resource(), setting.resource()];
  const manager = await setting.manager({ sessionTimeout: 20_000 });
  const [lock, otherLock] = [manager.createLock(resource), manager.createLock(other)];
  const heard = journal(otherLock);
  const token = await lock.acquire();
  await otherLock.acquire();
  const { id } = manager.session;
  await openTo(setting.directory(resource), DELETE);
  expect(await lock.release()).toBe(true);
  expect(await alice.children(setting.directory(resource))).toEqual([]);
  expect(await ask(SERVER, "dump")).not.toContain(id);
  await until(() => heard.includes("lost: session-expired"), { what: "the other hold to be lost" });
  const error = await theOneError();
  expect(error).toMatchObject({ name: "AccessDeniedError", code: "ERR_ACCESS_DENIED", resource });
  expect(error.message).toContain(setting.directory(resource));
  await rejection(otherLock.release());

  await openTo(setting.directory(resource), 0);
  expect(await lock.acquire()).toBeGreaterThan(token);
  expect(manager.session.id).not.toBe(id);
  await lock.release();
});

test("50 tickets that may not be deleted any more are told of once", async () => {
  const resource = setting.resource();
  const manager = await setting.manager({ sessionTimeout: 20_000 });
  const permits = manager.createSemaphore(resource, { maxConcurrentHolders: 50 });
  for (let held = 0; held < 50; held += 1) await permits.acquire();
  await openTo(setting.directory(resource), DELETE);
  await Promise.all(Array.from({ length: 50 }, () => permits.release()));
  expect(await alice.children(setting.directory(resource))).toEqual([]);
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED" });
});

test("a directory in which tickets can be made, and neither seen nor deleted: no ticket is left in it", async () => {
  const resource = setting.resource();
  await openTo(setting.directory(resource), ALL & ~CREATE);
  const manager = await setting.manager({ sessionTimeout: 20_000 });
  const error = await rejection(manager.createLock(resource).acquire());
  expect(error).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  expect(await alice.children(setting.directory(resource))).toEqual([]);
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED" });
});

test("a ticket whose create was answered in vain, where it cannot be looked for: no ticket is left", async () => {
  const resource = setting.resource();
  const { proxy, manager } = await setting.proxied({ sessionTimeout: 20_000 });
  await openTo(setting.directory(resource), READ);
  const trap = await proxy.swallowReply("create");
  const refused = rejection(manager.createLock(resource).acquire());
  expect((await trap.sprung).err).toBe(0);
  expect(await refused).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  await until(async () => (await alice.children(setting.directory(resource))).length === 0, {
    what: "the ticket to go",
    timeoutMs: 3_000,
  });
});

test("a client that its owner authenticated meets a dead socket: the session that goes on without rights is ended", async () => {
  const [resource, other] = [setting.resource(), setting.resource()];
  await alice.mkdirp(setting.directory(resource));
  await setAcl(alice, setting.directory(resource), [{ perms: ALL, scheme: "digest", auth: ALICE }]);
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString, 20_000);
  expect(await authenticateAsAlice(client)).toBe(0);
  const manager = setting.adopting(client);
  const [lock, otherLock] = [manager.createLock(resource), manager.createLock(other)];
  const replaced = new Promise<void>((resolve) => manager.once("replaced", resolve));
  const heard = journal(otherLock);
  await lock.acquire();
  await otherLock.acquire();

  // In the turn of an event of another socket: what is sent at its end meets a reset that nobody has looked at yet.
  await setting.raw.exists("/");
  const cut = proxy.cut();
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 200);
  const renewed = otherLock.renew();
  await Promise.all([cut, renewed, replaced]);
  expect(await lock.release()).toBe(true);
  expect(await alice.children(setting.directory(resource))).toEqual([]);
  await until(() => heard.includes("lost: session-expired"), { what: "the other hold to be lost" });
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED", resource });
  expect(await rejection(lock.acquire())).toMatchObject({ code: "ERR_SESSION_LOST" });
});

test("somebody else's session may not delete its ticket: told once, tried more and more seldom, done when it may again", async () => {
  const resource = setting.resource();
  const proxy = await setting.proxy();
  const client = await setting.connectedClient(proxy.connectString, 20_000);
  const manager = setting.adopting(client);
  const lock = manager.createLock(resource);
  await lock.acquire();
  await openTo(setting.directory(resource), DELETE);
  await proxy.forgetRequests();
  expect(await lock.release()).toBe(true);
  // 50, 100, 200, 400, 800 ms apart.
  await until(async () => (await proxy.requestCount("delete")) === 6, { what: "the sixth try" });
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  expect(await alice.children(setting.directory(resource))).toHaveLength(1);
  expect(manager.session.state).toBe("connected");
  await openTo(setting.directory(resource), 0);
  await until(async () => (await alice.children(setting.directory(resource))).length === 0, {
    what: "the ticket to go",
  });
  expect(setting.errors).toEqual([]);

  // Another outage of rights is told of anew.
  await lock.acquire();
  await openTo(setting.directory(resource), DELETE);
  await lock.release();
  expect(await theOneError()).toMatchObject({ code: "ERR_ACCESS_DENIED" });
  await openTo(setting.directory(resource), 0);
});
