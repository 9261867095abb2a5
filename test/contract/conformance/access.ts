import type { Actor } from "./actor.js";
import type { Scenario } from "./scenarios.js";

const ALL = 31;
const READ = 1;

/**
 * Everything that can be tried on a directory `dir` with a child `dir/kid`; but `exists`, on which servers differ: since 3.8.4 and
 * 3.9.2 it takes the READ permission, and none before (ZOOKEEPER-2590).
 */
async function tryEverything(actor: Actor): Promise<void> {
  await actor.get("dir");
  await actor.list("dir");
  await actor.set("dir", "x");
  await actor.create("dir/new");
  await actor.create("dir/kid");
  await actor.delete("dir/kid", 5);
  await actor.delete("dir/no");
  await actor.get("dir/kid");
  await actor.set("dir/kid", "x");
}

async function makeDirectory(actor: Actor): Promise<void> {
  await actor.create("dir");
  await actor.create("dir/kid");
}

export const accessScenarios: Record<string, Scenario> = {
  "a directory secured with auth lets its user in and others out": async (world) => {
    const [bob, other] = [await world.actor(), await world.actor()];
    await makeDirectory(bob);
    await bob.authenticate("bob:secret");
    await bob.acl("dir", [ALL, "auth", ""]);
    await bob.send("a_get_acl", bob.at("dir"));
    await tryEverything(bob);
    await tryEverything(other);
    await other.acl("dir", [ALL, "world", "anyone"]);
  },

  "each permission opens what it stands for": async (world) => {
    const [owner, other] = [await world.actor(), await world.actor()];
    await owner.authenticate("bob:secret");
    for (const permission of [1, 2, 4, 8, 16]) {
      await makeDirectory(owner);
      await owner.acl("dir", [ALL, "auth", ""], [permission, "world", "anyone"]);
      await tryEverything(other);
      await other.acl("dir", [ALL, "world", "anyone"]);
      await owner.delete("dir/new");
      await owner.delete("dir/kid");
      await owner.delete("dir");
    }
  },

  "whoever may not change an ACL does not see its digests": async (world) => {
    const [bob, other] = [await world.actor(), await world.actor()];
    await makeDirectory(bob);
    await bob.authenticate("bob:secret");
    await bob.acl("dir", [ALL, "auth", ""], [READ, "world", "anyone"]);
    await bob.send("a_get_acl", bob.at("dir"));
    await other.send("a_get_acl", other.at("dir"));
  },

  "a digest entry lets in whoever proves it": async (world) => {
    const [owner, guest] = [await world.actor(), await world.actor()];
    await makeDirectory(owner);
    await owner.acl("dir", [ALL, "digest", "bob:ikIaKsbtGweaHnb/jKn7OHqbunM="]);
    await guest.get("dir");
    await guest.authenticate("bob:wrong");
    await guest.get("dir");
    await guest.authenticate("bob:pw");
    await guest.get("dir");
  },

  "ACLs that mean nothing are refused": async (world) => {
    const actor = await world.actor();
    await makeDirectory(actor);
    await actor.acl("dir");
    await actor.acl("dir", [ALL, "unheard-of", "x"]);
    await actor.acl("dir", [ALL, "digest", "no-colon"]);
    await actor.acl("dir", [ALL, "world", "somebody"]);
    await actor.acl("dir", [ALL, "auth", ""]);
    await actor.acl("no", [ALL, "world", "anyone"]);
  },

  "an ACL has a version of its own": async (world) => {
    const actor = await world.actor();
    await makeDirectory(actor);
    await actor.acl("dir", [ALL, "world", "anyone"]);
    await actor.get("dir");
    await actor.send("a_set_acl", actor.at("dir"), 0, [{ perms: ALL, scheme: "world", auth: "anyone" }]);
    await actor.send("a_set_acl", actor.at("dir"), 1, [{ perms: ALL, scheme: "world", auth: "anyone" }]);
    await actor.send("a_get_acl", actor.at("dir"));
  },

  "credentials are sent again after a cut": async (world) => {
    const actor = await world.actor();
    await makeDirectory(actor);
    await actor.authenticate("bob:secret");
    await actor.acl("dir", [ALL, "auth", ""]);
    await world.cut(actor);
    await actor.saw("connect", 2);
    await actor.get("dir");
  },

  "an unknown scheme ends the client": async (world) => {
    const actor = await world.actor();
    await Promise.all([actor.send("add_auth", "unheard-of", "x"), actor.send("a_sync", actor.at(""))]);
    await actor.saw("close");
    await actor.get("");
  },
};
