import { accessScenarios } from "./access.js";
import { connectionScenarios } from "./connections.js";
import { nodeScenarios } from "./nodes.js";
import { sessionScenarios } from "./sessions.js";
import { watchScenarios } from "./watches.js";
import type { World } from "./world.js";

/** Something that is played in two worlds, and must look the same in both. */
export type Scenario = (world: World) => Promise<void>;

/** By the behaviour they show. */
export const scenarios: Readonly<Record<string, Scenario>> = {
  ...nodeScenarios,
  ...watchScenarios,
  ...accessScenarios,
  ...connectionScenarios,
  ...sessionScenarios,
};
