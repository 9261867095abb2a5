import { expect, test } from "@jest/globals";
import { once } from "node:events";
import { type ConnectError, ZkLockManager } from "../../../src/index.js";
import { WireClient } from "../../../src/zookeeper/client/wire-client.js";
import { until } from "../../helpers/until.js";
import { rejection, SERVER, useSetting } from "../../helpers/setting.js";

const setting = useSetting();
const client = "wire";

test("two managers take turns on our own client, with rising tokens", async () => {
  const [one, other] = await Promise.all([setting.manager({ client }), setting.manager({ client })]);
  const resource = setting.resource();
  const [mine, theirs] = [one.createLock(resource), other.createLock(resource)];
  const first = await mine.acquire();
  const second = theirs.acquire();
  await until(async () => (await one.inspect(resource)).waiters.length === 1, { what: "the waiter" });
  await mine.release();
  expect(await second).toBeGreaterThan(first);
  await theirs.release();
});

test("works below a chroot; one that does not exist is told", async () => {
  await setting.raw.create(setting.root).catch(() => undefined);
  const manager = await setting.manager({ client, rootDir: "/below" }, `${SERVER}${setting.root}`);
  const lock = manager.createLock("r");
  await lock.acquire();
  expect(await setting.raw.children(`${setting.root}/below/r`)).toHaveLength(1);
  await lock.release();
  const error = await rejection<ConnectError>(setting.manager({ client }, `${SERVER}/is-not-there`));
  expect(error).toMatchObject({
    code: "ERR_CONNECT",
    message: expect.stringContaining("/is-not-there does not exist"),
  });
});

test("close() ends the session before it resolves", async () => {
  const manager = await setting.manager({ client });
  const resource = setting.resource();
  await manager.createLock(resource).acquire();
  await manager.close();
  expect(await setting.raw.children(setting.directory(resource))).toEqual([]);
});

test("two hundred resets under load: the same session, nobody holds beside another, no token twice", async () => {
  const { proxy, manager } = await setting.proxied({ client });
  const { id } = manager.session;
  const resource = setting.resource();
  let isOver = false;
  let inside = 0;
  const tokens: number[] = [];
  const loops = Array.from({ length: 4 }, async () => {
    const lock = manager.createLock(resource, { reentrancy: "none" });
    while (!isOver) {
      await lock.using(async ({ token }) => {
        inside += 1;
        expect(inside).toBe(1);
        tokens.push(token);
        await Promise.resolve();
        inside -= 1;
      });
    }
  });
  for (let cut = 0; cut < 200; cut += 1) {
    const before = tokens.length;
    await proxy.cut();
    if (cut % 10 === 0) await until(() => tokens.length > before, { what: "a hold after the cut" });
    else await new Promise((resolve) => setImmediate(resolve));
  }
  isOver = true;
  await Promise.all(loops);
  expect(manager.session.id).toBe(id);
  expect(tokens).toEqual([...tokens].sort((a, b) => a - b));
  expect(new Set(tokens).size).toBe(tokens.length);
});

test("nobody there, and no such name, are told with their reason", async () => {
  const refused = setting.manager({ client, connectTimeout: 1_000 }, "127.0.0.1:1");
  expect(await rejection<ConnectError>(refused)).toMatchObject({ message: expect.stringMatching(/127\.0\.0\.1:1 /) });
  const unresolvable = setting.manager({ client, connectTimeout: 1_000 }, "no-such-host.invalid");
  expect((await rejection(unresolvable)).message).toContain("does not resolve");
});

test("one of several servers is found although the others are not there", async () => {
  const manager = await setting.manager({ client }, `127.0.0.1:1,${SERVER},127.0.0.1:2`);
  expect(manager.session.state).toBe("connected");
});

test("a session that is over is told as expired, and is not tried again", async () => {
  const [host = "", port] = SERVER.split(":");
  const options = { servers: [{ host, port: Number(port) }], chroot: "", sessionTimeoutMs: 4_000 };
  const over = new WireClient({ ...options, resume: { id: 1n, password: Buffer.alloc(16) } });
  over.init();
  const [, code] = (await once(over, "close")) as [unknown, number];
  expect(code).toBe(-112);
});

test("options that do not go together are refused at once", async () => {
  const connect = (options: object): Promise<Error> => rejection(ZkLockManager.connect(SERVER, options));
  expect((await connect({ client: "native" })).message).toContain('"wire" or "zookeeper"');
  expect((await connect({ client: "zookeeper", tls: true })).message).toContain("knows no TLS");
  expect((await connect({ auth: { scheme: "x509" } })).message).toContain("tls option");
  expect((await connect({ tls: { ca: "no certificate", cert: "neither" } })).message).toContain("cannot be used");
  expect((await connect({ tls: { host: "elsewhere" } })).message).toContain('no option "host"');
});

test("a server that there is reason to doubt is tried after all others", async () => {
  const [doubtful, sound] = [
    { host: "127.0.0.1", port: 1 },
    { host: "127.0.0.1", port: Number(SERVER.split(":")[1]) },
  ] as const;
  for (let session = 0; session < 10; session += 1) {
    const one = new WireClient({
      servers: [doubtful, sound],
      chroot: "",
      sessionTimeoutMs: 4_000,
      isDoubtful: (server) => server === doubtful,
    });
    one.init();
    await once(one, "connect");
    expect(one.failures.size).toBe(0);
    await one.close();
  }
});
