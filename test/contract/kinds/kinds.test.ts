import { describe } from "@jest/globals";
import { lockContract } from "./contract.js";
import { kinds } from "./kinds.js";
import { memoryWorld, realWorld, wireWorld } from "./worlds.js";

describe.each([
  ["on a real server", realWorld],
  ["on a real server with our own client", wireWorld],
  ["in memory", memoryWorld],
])("%s:", (_, makeWorld) => {
  const world = makeWorld();
  describe.each(kinds)("a $name", (kind) => lockContract(world, kind));
});
