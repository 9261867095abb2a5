import type { Scenario } from "./scenarios.js";
import type { Actor } from "./actor.js";

const EPHEMERAL = 1;

/** By then, whatever the server has told this client has arrived. */
const settle = (actor: Actor): Promise<number> => actor.sync();

export const watchScenarios: Record<string, Scenario> = {
  "a watch on data is told of one change, then no more": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await writer.set("node", "1");
    await watcher.saw("changed");
    await writer.set("node", "2");
    await writer.delete("node");
    await settle(watcher);
  },

  "a watch on data is told of the delete": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await writer.delete("node");
    await watcher.saw("deleted");
    await writer.create("node");
    await settle(watcher);
  },

  "a get of a missing node leaves no watch": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await watcher.get("late", true);
    await watcher.list("late", true);
    await writer.create("late");
    await writer.delete("late");
    await settle(watcher);
  },

  "an exists of a missing node leaves a watch": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await watcher.exists("late", true);
    await writer.create("late");
    await watcher.saw("created");
    await writer.delete("late");
    await settle(watcher);
  },

  "an exists of a node is told of the change": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.exists("node", true);
    await writer.set("node", "1");
    await watcher.saw("changed");
  },

  "a watch on children is told of a new child, and not of grandchildren or data": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("a");
    await watcher.list("", true);
    await writer.create("a/b");
    await writer.set("a", "1");
    await writer.set("", "1");
    await settle(watcher);
    await writer.create("c");
    await watcher.saw("child");
    await writer.create("d");
    await settle(watcher);
  },

  "a watch on children is told of a child's delete, and of its own node's": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("dir");
    await writer.create("dir/a");
    await watcher.list("dir", true);
    await writer.delete("dir/a");
    await watcher.saw("child");
    await watcher.list("dir", true);
    await writer.delete("dir");
    await watcher.saw("deleted");
  },

  "two kinds of watch on one node make one event of its delete": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await watcher.list("node", true);
    await watcher.exists("node", true);
    await writer.delete("node");
    await watcher.saw("deleted");
    await settle(watcher);
  },

  "the same watch left twice is told once": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await watcher.get("node", true);
    await writer.set("node", "1");
    await watcher.saw("changed");
    await settle(watcher);
  },

  "a client's own write is told before it is answered": async (world) => {
    const actor = await world.actor();
    await actor.create("node");
    await actor.get("node", true);
    await actor.list("", true);
    await actor.delete("node");
  },

  "what a session's end deletes is told to others": async (world) => {
    const [watcher, owner] = [await world.actor(), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await watcher.get("mine", true);
    await owner.close();
    await watcher.saw("deleted");
  },

  "watches are still there after a cut": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await watcher.list("", true);
    await watcher.exists("late", true);
    await world.cut(watcher);
    await watcher.saw("connect", 2);
    await settle(watcher);
    await writer.set("node", "1");
    await watcher.saw("changed");
    await writer.create("late");
    await watcher.saw("created");
    await watcher.saw("child");
  },

  "a change missed while away is told at the return": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await missing(world, watcher, () => writer.set("node", "1"));
    await watcher.saw("changed");
  },

  "a delete missed while away is told at the return": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await missing(world, watcher, () => writer.delete("node"));
    await watcher.saw("deleted");
  },

  "a child missed while away is told at the return": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await watcher.list("", true);
    await missing(world, watcher, () => writer.create("node"));
    await watcher.saw("child");
  },

  "deleted and made anew while away looks like a change": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await watcher.get("node", true);
    await missing(world, watcher, () => Promise.all([writer.delete("node"), writer.create("node")]));
    await watcher.saw("changed");
  },

  "made and deleted while away looks like nothing": async (world) => {
    const [watcher, writer] = [await world.actor(), await world.actor()];
    await watcher.exists("node", true);
    await missing(world, watcher, () => Promise.all([writer.create("node"), writer.delete("node")]));
    await settle(watcher);
    await writer.create("node");
    await watcher.saw("created");
  },
};

async function missing(
  world: Parameters<Scenario>[0],
  watcher: Actor,
  happening: () => Promise<unknown>,
): Promise<void> {
  await world.away(watcher);
  await watcher.saw("connecting");
  await happening();
  await world.back(watcher);
  await watcher.saw("connect", 2);
}
