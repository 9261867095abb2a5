import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { execFileSync } from "node:child_process";
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type ConnectError, type ConnectOptions, ZkLockManager } from "../../../src/index.js";
import { canStartServers, startServer, type ZooKeeperServer } from "../../helpers/zookeeper-server.js";
import { TcpProxy } from "../../helpers/tcp-proxy.js";
import { until } from "../../helpers/until.js";
import { rejection } from "../../helpers/setting.js";
import { freePort } from "../../../scripts/lib/free-port.mjs";

const JARS = "/usr/share/java";
/** Debian's ZooKeeper comes without those parts of netty that a TLS port takes. */
const NETTY = canStartServers() ? nettyJars() : [];
const tlsTest = NETTY.length > 0 && hasOpenssl() ? test : test.skip;

const directory = mkdtempSync(join(tmpdir(), "zk-lock-tls-"));
const file = (name: string): string => join(directory, name);
const pem = (name: string): Buffer => readFileSync(file(name));
const servers: ZooKeeperServer[] = [];
const managers: ZkLockManager[] = [];
/** By what they ask of clients. */
const address: Record<"none" | "need", string> = { none: "", need: "" };

function nettyJars(): string[] {
  try {
    return readdirSync(JARS)
      .filter((name) => /^netty-[a-z-]+\.jar$/.test(name) && !/all|kqueue|macos/.test(name))
      .map((name) => join(JARS, name));
  } catch {
    return [];
  }
}

function openssl(...args: string[]): void {
  execFileSync("openssl", args, { cwd: directory, stdio: "pipe" });
}

function hasOpenssl(): boolean {
  try {
    execFileSync("openssl", ["version"], { stdio: "pipe" });
    return true;
  } catch {
    return false;
  }
}

/** An authority that trusts itself. */
function authority(name: string): void {
  openssl(
    ..."req -x509 -newkey rsa:2048 -nodes -days 30".split(" "),
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.pem`,
    "-subj",
    `/CN=${name}`,
  );
}

function certificate(name: string, names: string, days = 30): void {
  openssl(
    ..."req -newkey rsa:2048 -nodes".split(" "),
    "-keyout",
    `${name}.key`,
    "-out",
    `${name}.csr`,
    "-subj",
    `/CN=${name}`,
  );
  writeFileSync(file(`${name}.ext`), `subjectAltName=${names}\n`);
  openssl(
    ..."x509 -req -CA ca.pem -CAkey ca.key -CAcreateserial".split(" "),
    "-days",
    String(days),
    "-in",
    `${name}.csr`,
    "-out",
    `${name}.crt`,
    "-extfile",
    `${name}.ext`,
  );
  writeFileSync(file(`${name}.pem`), Buffer.concat([pem(`${name}.key`), pem(`${name}.crt`)]));
}

async function secureServer(name: string, clientAuth: "none" | "need"): Promise<string> {
  const port = await freePort();
  servers.push(
    await startServer({
      jvmFlags: [`-Xbootclasspath/a:${NETTY.join(":")}`],
      config: {
        secureClientPort: port,
        secureClientPortAddress: "127.0.0.1",
        serverCnxnFactory: "org.apache.zookeeper.server.NettyServerCnxnFactory",
        "ssl.keyStore.location": file(`${name}.pem`),
        "ssl.trustStore.location": file("ca.pem"),
        "ssl.clientAuth": clientAuth,
      },
    }),
  );
  return `localhost:${port}`;
}

async function connect(servers: string, options: ConnectOptions): Promise<ZkLockManager> {
  const manager = await ZkLockManager.connect(servers, { sessionTimeout: 4_000, connectTimeout: 5_000, ...options });
  managers.push(manager);
  return manager;
}

if (NETTY.length > 0 && hasOpenssl()) {
  beforeAll(async () => {
    authority("ca");
    authority("stranger");
    certificate("server", "DNS:localhost,IP:127.0.0.1");
    certificate("elsewhere", "DNS:elsewhere.example");
    certificate("expired", "DNS:localhost", -1);
    certificate("client", "DNS:client");
    [address.none, address.need] = await Promise.all([secureServer("server", "none"), secureServer("server", "need")]);
  }, 100_000);
}
afterEach(async () => {
  await Promise.all(managers.splice(0).map((manager) => manager.close()));
});
afterAll(async () => {
  await Promise.all(servers.map((server) => server.stop()));
  rmSync(directory, { recursive: true });
});

tlsTest("locks over TLS, by name and by number", async () => {
  const manager = await connect(address.none, { tls: { ca: pem("ca.pem") } });
  const lock = manager.createLock("r");
  expect(await lock.acquire()).toBeGreaterThan(0);
  await lock.release();
  const byNumber = await connect(address.none.replace("localhost", "127.0.0.1"), { tls: { ca: pem("ca.pem") } });
  expect(byNumber.session.state).toBe("connected");
});

tlsTest("the client certificate is an identity: its directories let nobody else in", async () => {
  const mutual = { ca: pem("ca.pem"), cert: pem("client.crt"), key: pem("client.key") };
  const mine = await connect(address.need, { tls: mutual, auth: { scheme: "x509" } });
  await mine.createLock("mine").acquire();
  const stranger = await connect(servers[1]!.connectString, { client: "wire" });
  const here = await connect(servers[0]!.connectString, { client: "wire" });
  const refusals = await Promise.allSettled([stranger, here].map((other) => other.createLock("mine").tryAcquire()));
  expect(refusals.filter(({ status }) => status === "rejected")).toMatchObject([
    { reason: { code: "ERR_ACCESS_DENIED" } },
  ]);
});

tlsTest(
  "what is wrong with a certificate is told at once, by its name",
  async () => {
    const [elsewhere, expired] = await Promise.all([
      secureServer("elsewhere", "none"),
      secureServer("expired", "none"),
    ]);
    const ca = pem("ca.pem");
    const failure = (at: string, tls: ConnectOptions["tls"]): Promise<ConnectError> => rejection(connect(at, { tls }));
    expect(await failure(address.none, { ca: pem("stranger.pem") })).toMatchObject({
      code: "ERR_CONNECT",
      message: expect.stringContaining("authority that we do not trust"),
    });
    expect((await failure(elsewhere, { ca })).message).toContain("ERR_TLS_CERT_ALTNAME_INVALID");
    expect((await failure(expired, { ca })).message).toContain("CERT_HAS_EXPIRED");
    expect((await failure(address.need, { ca })).message).toContain("refuses our certificate, or wants one");
    // The user says which name the certificate has.
    const renamed = await connect(elsewhere, { tls: { ca, servername: "elsewhere.example" } });
    expect(renamed.session.state).toBe("connected");
  },
  60_000,
);

tlsTest("a cut connection comes back over TLS, into the same session", async () => {
  const proxy = await TcpProxy.listen(address.none.replace("localhost", "127.0.0.1"));
  try {
    const manager = await connect(proxy.connectString, { tls: { ca: pem("ca.pem") } });
    const { id } = manager.session;
    const lock = manager.createLock("cut");
    const token = await lock.acquire();
    const resumed = new Promise<void>((resolve) => lock.once("resumed", () => resolve()));
    await proxy.cut();
    await resumed;
    await until(() => manager.session.state === "connected", { what: "the connection" });
    expect(manager.session.id).toBe(id);
    expect(await lock.renew()).toBe(token);
    await lock.release();
    await manager.close();
  } finally {
    await proxy.dispose();
  }
});
