import { describe } from "@jest/globals";
import { slotContract } from "./slots.js";
import { memoryWorld, realWorld } from "./worlds.js";

describe.each([
  ["on a real server", realWorld],
  ["in memory", memoryWorld],
])("%s:", (_, makeWorld) => slotContract(makeWorld()));
