import type { Scenario } from "./scenarios.js";

const EPHEMERAL = 1;
const SEQUENCE = 2;
const BOTH = 3;
const CONTAINER = 4;

export const nodeScenarios: Record<string, Scenario> = {
  "a created node has its data and a fresh stat": async (world) => {
    const actor = await world.actor();
    await actor.create("node", 0, "hello");
    await actor.get("node");
    await actor.exists("node");
    await actor.get("");
  },

  "an empty node gives an empty buffer": async (world) => {
    const actor = await world.actor();
    await actor.create("empty");
    await actor.get("empty");
  },

  "an ephemeral node names its owner": async (world) => {
    const [owner, other] = [await world.actor(), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await owner.get("mine");
    await other.get("mine");
  },

  "a sequence counts every create below the parent, and no delete": async (world) => {
    const actor = await world.actor();
    await actor.create("a-", SEQUENCE);
    await actor.create("plain");
    await actor.create("b-", BOTH);
    await actor.delete("a-0000000000");
    await actor.delete("plain");
    await actor.create("c-", BOTH);
    await actor.create("", 0);
    await actor.send("a_create", `${actor.base}/`, Buffer.alloc(0), SEQUENCE);
    await actor.list("");
  },

  "a refused create uses up no number": async (world) => {
    const actor = await world.actor();
    await actor.create("x");
    await actor.create("x");
    await actor.create("s-", SEQUENCE);
  },

  "a container's stat looks like any other's": async (world) => {
    const actor = await world.actor();
    await actor.create("box", CONTAINER, "b");
    await actor.get("box");
    await actor.create("box/child", EPHEMERAL);
    await actor.get("box");
    await actor.delete("box/child");
    await actor.get("box");
  },

  "an emptied container is reaped, an unused one is not, and numbers start again with a higher czxid": async (
    world,
  ) => {
    const actor = await world.actor();
    await actor.create("unused", CONTAINER);
    await actor.create("box", CONTAINER);
    await actor.create("box/t-", BOTH);
    await actor.delete("box/t-0000000000");
    await world.reap(actor, "box");
    await actor.get("box");
    await actor.exists("unused");
    await actor.create("box", CONTAINER);
    await actor.create("box/t-", BOTH);
    await actor.get("box");
  },

  "a second create of the same node is refused": async (world) => {
    const actor = await world.actor();
    await actor.create("twice");
    await actor.create("twice");
    await actor.create("twice", CONTAINER);
  },

  "nothing can be created below a missing node": async (world) => {
    const actor = await world.actor();
    await actor.create("no/child");
    await actor.create("no/child-", BOTH);
  },

  "nothing can be created below an ephemeral node": async (world) => {
    const actor = await world.actor();
    await actor.create("mine", EPHEMERAL);
    await actor.create("mine/child");
    await actor.create("mine/child-", BOTH);
  },

  "flags that mean nothing are refused": async (world) => {
    const actor = await world.actor();
    for (const flags of [5, 6, 7, 8]) await actor.create("odd", flags);
  },

  "a delete is refused where the node is missing, has children, or has another version": async (world) => {
    const actor = await world.actor();
    await actor.create("dir");
    await actor.create("dir/child");
    await actor.delete("no");
    await actor.delete("no/no");
    await actor.delete("dir");
    await actor.delete("dir", 7);
    await actor.delete("dir/child", 1);
    await actor.delete("dir/child", 0);
    await actor.delete("dir");
    await actor.send("a_delete_", "/", -1);
    await actor.send("a_create", "/", Buffer.alloc(0), 0);
  },

  "a set counts the version, and insists on the one given": async (world) => {
    const actor = await world.actor();
    await actor.create("node", 0, "one");
    await actor.set("node", "two");
    await actor.set("node", "three", 0);
    await actor.set("node", "three", 1);
    await actor.set("no", "x");
    await actor.get("node");
  },

  "a directory's stat tells of its children's coming and going, not of their data": async (world) => {
    const actor = await world.actor();
    await actor.create("dir");
    for (const name of ["a", "b", "c"]) await actor.create(`dir/${name}`);
    await actor.get("dir");
    await actor.set("dir/a", "new");
    await actor.get("dir");
    await actor.delete("dir/b");
    await actor.list("dir");
    await actor.set("dir", "own");
    await actor.list("dir");
  },

  "paths that the client refuses are never sent": async (world) => {
    const actor = await world.actor();
    for (const path of ["", "relative", "/end/", "/a//b", "/a/./b", "/a/..", "/a\u0001b"]) {
      await actor.send("a_get", path, false);
      await actor.send("a_create", path, Buffer.alloc(0), BOTH);
    }
  },

  "characters that the server refuses are refused by it": async (world) => {
    const actor = await world.actor();
    for (const name of ["a\u001fb", "a\u007fb", "a\u009fb", "\u{1f600}", "\ue000", "\uffff"]) await actor.create(name);
    for (const name of ["grün", "日本", "a b", "...", "a\u00a0b", "%2F"]) await actor.create(name);
    await actor.list("");
  },

  "a NUL ends the path": async (world) => {
    const actor = await world.actor();
    await actor.create("cut\0off");
    await actor.get("cut");
  },

  "sync answers with the path, be it there or not": async (world) => {
    const actor = await world.actor();
    await actor.sync();
    await actor.send("a_sync", actor.at("no"));
  },

  "reads of a missing node find nothing": async (world) => {
    const actor = await world.actor();
    await actor.get("no");
    await actor.list("no");
    await actor.exists("no");
  },

  "a pipelined burst is answered in order, each reply seeing the writes before it": async (world) => {
    const actor = await world.actor();
    await Promise.all([
      actor.create("dir", CONTAINER),
      actor.create("dir/t-", BOTH),
      actor.list("dir"),
      actor.create("dir/t-", BOTH),
      actor.list("dir"),
      actor.delete("dir/t-0000000000"),
      actor.list("dir"),
      actor.create("no/t-", BOTH),
      actor.get("dir/t-0000000001"),
      actor.sync(),
    ]);
  },

  "a long burst keeps its order": async (world) => {
    const actor = await world.actor();
    await Promise.all(
      Array.from({ length: 300 }, (_, turn) => (turn % 3 === 2 ? actor.list("") : actor.create("n-", BOTH))),
    );
  },

  "after a sync, one client sees what another wrote": async (world) => {
    const [writer, reader] = [await world.actor(), await world.actor()];
    await writer.create("news", 0, "1");
    await writer.set("news", "2");
    await Promise.all([reader.sync(), reader.get("news"), reader.list("")]);
  },
};
