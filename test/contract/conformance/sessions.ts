import type { Actor } from "./actor.js";
import type { Scenario } from "./scenarios.js";

const EPHEMERAL = 1;
const WRONG_PASSWORD = "0123456789ABCDEF0123456789ABCDEF";

const credentialsOf = ({ client }: Actor): { id: string; password: string } => ({
  id: client.client_id,
  password: client.client_password,
});

export const sessionScenarios: Record<string, Scenario> = {
  "a close ends the session and its nodes": async (world) => {
    const [owner, witness] = [await world.actor(), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await owner.create("stays");
    await owner.close();
    await Promise.all([witness.sync(), witness.list("")]);
    await owner.get("stays");
    await owner.send("add_auth", "digest", "a:b");
  },

  "requests pending at a close are told so within it": async (world) => {
    const actor = await world.actor();
    await actor.turn();
    const pending = [actor.get(""), actor.create("x"), actor.sync()];
    actor.client.close();
    await Promise.all(pending);
  },

  "a session that ended while its client was away ends the client": async (world) => {
    const [owner, witness] = [await world.actor(), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await owner.get("mine", true);
    await world.away(owner);
    await owner.saw("connecting");
    const heir = world.stranger(credentialsOf(owner));
    await heir.saw("connect");
    await heir.close();
    await witness.get("mine");
    await world.back(owner);
    await owner.saw("close");
    await owner.get("mine");
  },

  "a session of which nothing is heard expires, its nodes go, and its client learns of it at the return": async (
    world,
  ) => {
    const [owner, witness] = [await world.actor({ timeoutMs: 1_000 }), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await witness.get("mine", true);
    await world.away(owner);
    await witness.saw("deleted");
    await world.back(owner);
    await owner.saw("close");
  },

  "a session is kept alive without any request": async (world) => {
    const [owner, witness] = [await world.actor({ timeoutMs: 1_000 }), await world.actor()];
    await owner.create("mine", EPHEMERAL);
    await owner.turn(1_800);
    await witness.get("mine");
  },

  "a fresh client takes the session over, nodes and all": async (world) => {
    const first = await world.actor();
    await first.create("mine", EPHEMERAL);
    await world.away(first);
    await first.saw("connecting");
    const second = await world.actor({ of: first });
    await second.get("mine");
    await second.create("mine too", EPHEMERAL);
    await first.close();
    await second.get("mine");
    await second.get("mine too");
  },

  "closing a client that is away does not end its session": async (world) => {
    const first = await world.actor();
    await first.create("mine", EPHEMERAL);
    const credentials = credentialsOf(first);
    await world.away(first);
    await first.saw("connecting");
    await first.close();
    const second = world.stranger(credentials);
    await second.saw("connect");
    await second.get("mine");
  },

  "watches do not come along with a take-over": async (world) => {
    const [first, writer] = [await world.actor(), await world.actor()];
    await writer.create("node");
    await first.get("node", true);
    await world.away(first);
    await first.saw("connecting");
    const second = await world.actor({ of: first });
    await writer.set("node", "1");
    await second.sync();
  },

  "a wrong password looks like an expired session": async (world) => {
    const first = await world.actor();
    const stranger = world.stranger({ id: first.client.client_id, password: WRONG_PASSWORD });
    await stranger.saw("close");
    await stranger.get("");
    await first.saw("connect", 2);
    await first.get("");
  },

  "the session of a closed client cannot be taken over": async (world) => {
    const first = await world.actor();
    const credentials = credentialsOf(first);
    await first.close();
    const second = world.stranger(credentials);
    await second.saw("close");
  },

  "a client whose session is taken over from under it is cut off": async (world) => {
    const first = await world.actor();
    const second = world.stranger(credentialsOf(first));
    await second.saw("connect");
    await first.saw("connecting");
    // From here on the two take the session from each other, as fast as each of them happens to be.
    first.forgetAfter("connecting");
    second.forgetAfter("connect");
  },
};
