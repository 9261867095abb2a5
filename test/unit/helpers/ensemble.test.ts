import { afterAll, afterEach, beforeAll, expect, test } from "@jest/globals";
import { type Ensemble, startEnsemble } from "../../helpers/ensemble.js";
import { noLeaks } from "../../helpers/leaks.js";
import { RawClient } from "../../helpers/raw-client.js";
import { mode } from "../../helpers/server-statistics.js";

let ensemble: Ensemble;
beforeAll(async () => {
  ensemble = await startEnsemble();
});
afterAll(async () => {
  await ensemble.stop();
});
afterEach(noLeaks());

async function create(connectString: string, path: string): Promise<void> {
  const raw = await RawClient.connect(connectString);
  await raw.create(path);
  await raw.close();
}

test("one of three leads and the others follow", async () => {
  const modes = await Promise.all(ensemble.servers.map(({ connectString }) => mode(connectString)));
  expect(modes.sort()).toEqual(["follower", "follower", "leader"]);
});

test("what was written survives kill -9 of the leader, and another one leads", async () => {
  const old = await ensemble.leader();
  await create(ensemble.connectString, "/before");
  await old.kill("SIGKILL");
  const next = await ensemble.leader();
  expect(next).not.toBe(old);
  await create(next.connectString, "/after");

  await old.start();
  expect(await mode(old.connectString)).toBe("follower");
  const raw = await RawClient.connect(old.connectString);
  expect(await raw.children("/")).toEqual(["after", "before", "zookeeper"]);
  await raw.close();
});
