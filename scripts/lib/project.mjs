import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";

/** The folder with package.json in it. */
export const root = fileURLToPath(new URL("../../", import.meta.url));

export const inProject = (...path) => join(root, ...path);

/** The npm that runs us, or the one in the path: a command and its first arguments. */
export function npm() {
  const path = process.env.npm_execpath;
  return path && basename(path) === "npm-cli.js" ? [process.execPath, path] : ["npm"];
}
