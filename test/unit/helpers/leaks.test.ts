import { afterEach, describe, expect, test } from "@jest/globals";
import { spawn } from "node:child_process";
import { noLeaks } from "../../helpers/leaks.js";
import { EPHEMERAL, RawClient } from "../../helpers/raw-client.js";
import { TcpProxy } from "../../helpers/tcp-proxy.js";

const ROOT = `/harness-leaks-${process.pid}`;
const SERVER = process.env["ZK_TEST_CONNECT"]!;
const check = noLeaks({ root: ROOT, graceMs: 200 });
afterEach(check);

/** Each makes one leftover, and gives the way to clear it up. */
const leftovers: Record<string, () => Promise<() => unknown>> = {
  "child process": async () => {
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const exited = new Promise((resolve) => child.once("exit", resolve));
    await new Promise((resolve) => child.once("spawn", resolve));
    return () => {
      child.kill("SIGKILL");
      return exited;
    };
  },
  "listener on process": () => {
    const listener = () => undefined;
    process.on("SIGUSR2", listener);
    return Promise.resolve(() => process.off("SIGUSR2", listener));
  },
  "raw client": async () => {
    const raw = await RawClient.connect();
    return () => raw.close();
  },
  proxy: async () => {
    const proxy = await TcpProxy.listen(SERVER);
    return () => proxy.dispose();
  },
  "connection to port": async () => {
    const { connect } = await import("node:net");
    const [, port] = SERVER.split(":");
    const socket = connect(Number(port), "127.0.0.1");
    await new Promise((resolve) => socket.once("connect", resolve));
    return () => socket.destroy();
  },
  timer: () => {
    const timer = setTimeout(() => undefined, 60_000);
    return Promise.resolve(() => clearTimeout(timer));
  },
  [`ticket ${ROOT}/r/x-lock-0000000000`]: async () => {
    const raw = await RawClient.connect();
    await raw.mkdirp(`${ROOT}/r`);
    await raw.create(`${ROOT}/r/x-lock-0000000000`, "", EPHEMERAL);
    return async () => {
      await raw.deleteall(ROOT);
      await raw.close();
    };
  },
};

describe.each(Object.keys(leftovers))("a leftover %s", (kind) => {
  test("fails the check, and the check passes when it is gone", async () => {
    const clear = await leftovers[kind]!();
    try {
      await expect(check()).rejects.toThrow(kind);
    } finally {
      await clear();
    }
    await check();
  });
});
