import { describe, expect, test } from "@jest/globals";
import { canStartServers, startServer } from "../helpers/zookeeper-server.js";
import { report, type ReportOptions } from "./conformance/report.js";
import { type Scenario, scenarios } from "./conformance/scenarios.js";
import { MemoryWorld, RealWorld, type World } from "./conformance/world.js";

/** The same script in two worlds: the `zookeeper` package on a real server, and the in-memory client. */
async function sights(
  world: World & { readonly actors: RealWorld["actors"] },
  scenario: Scenario,
  options?: ReportOptions,
): Promise<unknown[]> {
  try {
    await scenario(world);
    return report(world.actors, options);
  } finally {
    await world.end();
  }
}

const servers = process.env["ZK_TEST_CONNECT"] ?? "";

describe("in memory as on a real server:", () => {
  test.each(Object.entries(scenarios))("%s", async (_behaviour, scenario) => {
    const real = await sights(new RealWorld(servers), scenario);
    expect(await sights(new MemoryWorld(), scenario)).toEqual(real);
  });

  const alone = canStartServers() ? test : test.skip;
  alone("every write takes a zxid, the refused ones too, and no read does", async () => {
    const server = await startServer();
    try {
      const real = await sights(new RealWorld(server.connectString), countZxids, { exactZxids: true });
      expect(await sights(new MemoryWorld(), countZxids, { exactZxids: true })).toEqual(real);
    } finally {
      await server.stop();
    }
  });
});

const countZxids: Scenario = async (world) => {
  const actor = await world.actor();
  let marks = 0;
  const mark = async (): Promise<void> => {
    await actor.create(`mark-${++marks}`);
    await actor.get(`mark-${marks}`);
  };
  await mark();
  await Promise.all([actor.sync(), actor.get(""), actor.list("", true), actor.exists("no", true)]);
  await mark();
  await actor.create("mark-1");
  await mark();
  await actor.delete("no");
  await mark();
  await actor.set("mark-1", "x", 9);
  await mark();
  await actor.create("odd", 7);
  await mark();
  await actor.acl("mark-1", [31, "unheard-of", "x"]);
  await mark();
  await actor.authenticate("bob:secret");
  await mark();
  const other = await world.actor();
  await mark();
  await other.create("a", 1);
  await other.create("b", 1);
  await other.close();
  await mark();
  await world.cut(actor);
  await actor.saw("connect", 2);
  await mark();
};
