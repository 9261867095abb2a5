import { rmSync } from "node:fs";
import { afterAll, afterEach, beforeAll } from "@jest/globals";
import { type Account, directoryFor } from "../helpers/directory-for.js";
import { noLeaks } from "../helpers/leaks.js";
import { RawClient } from "../helpers/raw-client.js";
import { assertBuilt, endAll } from "./command.js";

export interface Fixture {
  /** A root of this file's own for the locks. */
  readonly root: string;
  /** A directory for files that `account` owns, gone after the tests. */
  readonly directory: string;
  readonly servers: string;
  /** What says to zk-lock where the locks are. */
  readonly place: readonly string[];
}

/**
 * For the head of a file of tests: a root, a directory, and the check that nothing is left behind. `cleanUp` runs after each
 * test, before that check.
 */
export function useFixture(
  name: string,
  cleanUp: () => Promise<void> = () => Promise.resolve(),
  account: Account = {},
): Fixture {
  const servers = process.env["ZK_TEST_CONNECT"] ?? "";
  const root = `/cli-${name}-${process.pid}`;
  const directory = directoryFor(account, "zk-lock-cli-");
  beforeAll(assertBuilt);
  afterAll(async () => {
    rmSync(directory, { recursive: true, force: true });
    const raw = await RawClient.connect(servers);
    await raw.deleteall(root).catch(() => undefined);
    await raw.close();
  });
  afterEach(async () => {
    await endAll();
    await cleanUp();
  });
  afterEach(noLeaks({ root, graceMs: 12_000 }));
  return { root, directory, servers, place: ["-z", servers, "-r", root] };
}
