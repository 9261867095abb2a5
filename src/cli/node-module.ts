import { createRequire } from "node:module";
import { resolve } from "node:path";
import { Problem } from "./problem.js";

/**
 * The file of a module that is named as `node` would take it. Looked up before anything is locked: a Node process that does
 * not find its module ends with 1, which would say that the lock was not acquired.
 * @throws Problem 3
 */
export function findNodeModule(name: string): string {
  try {
    return createRequire(resolve("zk-lock.js")).resolve(resolve(name));
  } catch (error) {
    throw new Problem(`${name} could not be started: there is no such Node module.`, "childTrouble", {
      cause: error,
    });
  }
}
