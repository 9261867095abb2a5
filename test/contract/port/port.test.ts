import { describe } from "@jest/globals";
import { portContract } from "./contract.js";
import { memoryWorld, realWorld } from "./zookeeper-worlds.js";

describe.each([
  ["on a real server", realWorld],
  ["in memory", memoryWorld],
])("%s:", (_, makeWorld) => portContract(makeWorld()));
