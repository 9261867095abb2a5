import type { Actor } from "./actor.js";
import type { Scenario } from "./scenarios.js";

const EPHEMERAL = 1;
const BOTH = 3;

export const connectionScenarios: Record<string, Scenario> = {
  "a cut is told as connecting, then connect, in the same session": async (world) => {
    const actor = await world.actor();
    await actor.create("mine", EPHEMERAL);
    await world.cut(actor);
    await actor.saw("connect", 2);
    await actor.get("mine");
  },

  "requests whose replies a cut takes fail with connection loss, though they were carried out": async (world) => {
    const [actor, witness] = [await world.actor(), await world.actor()];
    await witness.get("", false);
    await world.holdReplies(actor);
    const sent = [actor.create("t-", BOTH), actor.list(""), actor.delete("t-0000000000"), actor.create("stays")];
    await seenBy(witness, "stays");
    await world.cut(actor);
    await Promise.all(sent);
    await actor.saw("connect", 2);
    await actor.list("");
  },

  "requests made while away fail with connection loss at the next attempt": async (world) => {
    const actor = await world.actor();
    await world.away(actor);
    await actor.saw("connecting");
    await actor.turn();
    await Promise.all([actor.create("unheard"), actor.get("")]);
    await world.back(actor);
    await actor.saw("connect", 2);
    await actor.get("unheard");
  },

  "a reply lost with its connection leaves the node behind": async (world) => {
    const actor = await world.actor();
    await world.swallow(actor, "create", false);
    await actor.create("t-", BOTH);
    await actor.saw("connect", 2);
    await actor.list("");
    await actor.get("t-0000000000");
  },

  "a reply lost on its own shows at the next one, as an inconsistency of both": async (world) => {
    const actor = await world.actor();
    await world.swallow(actor, "delete", true);
    await actor.create("node");
    await Promise.all([actor.delete("node"), actor.get("")]);
    await actor.saw("connect", 2);
    await actor.get("node");
  },
};

async function seenBy(witness: Actor, name: string): Promise<void> {
  const look = (): Promise<boolean> =>
    new Promise((resolve) => witness.client.a_exists(witness.at(name), false, (code) => resolve(code === 0)));
  while (!(await look())) await witness.turn();
}
